// SPDX-License-Identifier: LGPL-2.1-or-later
// What would fail at a start, found without one: nothing is run, mounted or written.
#pragma once

#include <string>
#include <vector>

#include "api/types.hpp"
#include "daemon/definition.hpp"
#include "lib/plan/compile.hpp"

namespace xctl {

/// Of a definition and bundle that compile; what the host and the root file system have is looked at now.
[[nodiscard]] std::vector<api::Finding> verify(const plan::Compiled& compiled);

[[nodiscard]] api::Finding error_finding(std::string message);

}  // namespace xctl
