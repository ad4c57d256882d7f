// SPDX-License-Identifier: LGPL-2.1-or-later
// A LaunchPlan for people.
#pragma once

#include <string>

#include "lib/plan/plan.hpp"

namespace xctl::plan {

/// Numbered lines in the order of execution, each ending with '\n'. Texts from the plan are quoted where they
/// could hold control characters.
[[nodiscard]] std::string explain(const LaunchPlan& plan);

}  // namespace xctl::plan
