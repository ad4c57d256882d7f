// SPDX-License-Identifier: LGPL-2.1-or-later
// What a container needs of its host, in the terms of systemd. Pure.
#pragma once

#include <string>
#include <vector>

#include "daemon/definition/definition.hpp"
#include "lib/base/container_id.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::definition {

/// Host paths that are mounted into the container.
[[nodiscard]] std::vector<std::string> bind_sources(const plan::LaunchPlan& plan);

/// The points in the order of units that it comes after, see xctl-up@.target.
[[nodiscard]] std::vector<std::string> up_targets_before(const Definition& definition);

/// The drop-in that makes oci@NAME agree with the definition. `sources` are its bind_sources() as far as the bundle can
/// be read; `stop_signal` is empty where the unit's own is right.
[[nodiscard]] std::string unit_drop_in(const Definition& definition, const std::vector<std::string>& sources,
                                       const std::string& stop_signal);

}  // namespace xctl::definition
