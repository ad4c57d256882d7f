// SPDX-License-Identifier: LGPL-2.1-or-later
// The words of config.json for numbers that a plan holds; for messages about a plan that is being executed.
#pragma once

#include <string_view>

#include "lib/plan/plan.hpp"

namespace xctl::plan {

[[nodiscard]] std::string_view name_of_policy(const Scheduler& scheduler);
[[nodiscard]] std::string_view name_of_resource(const Rlimit& limit);

}  // namespace xctl::plan
