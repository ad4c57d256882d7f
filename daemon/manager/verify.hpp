// SPDX-License-Identifier: LGPL-2.1-or-later
// What would fail at a start, found without one: nothing is run, mounted or written.
#pragma once

#include <string>
#include <vector>

#include "api/types.hpp"
#include "daemon/definition/definition.hpp"
#include "daemon/manager/start_order.hpp"
#include "lib/base/container_id.hpp"
#include "lib/plan/compile.hpp"

namespace xctl::manager {

/// Of a definition and bundle that compile; what the host and the root file system have is looked at now.
[[nodiscard]] std::vector<api::Finding> verify(const plan::Compiled& compiled);

/// Of the files that a definition was read from: who may write to them may have programs run as root.
[[nodiscard]] std::vector<api::Finding> verify_files(const std::vector<definition::NamedText>& files);

/// Of a container that can be started: what is said of it without an effect, and what hinders it at boot.
[[nodiscard]] std::vector<api::Finding> verify_definition(const ContainerId& id,
                                                          const definition::Definition& definition);

/// Of the order of starts; `lookup` knows all containers.
[[nodiscard]] std::vector<api::Finding> verify_order(const ContainerId& id, const OrderingLookup& lookup);

[[nodiscard]] api::Finding error_finding(std::string message);

}  // namespace xctl::manager
