// SPDX-License-Identifier: LGPL-2.1-or-later
// What a person reads of a failed launch.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/init/steps.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// What a step worked on: the path for programs, and the words for people.
struct Subject {
    std::string path;
    std::string words;
};

/// Row `index` of the plan's `list`; empty when there is none.
[[nodiscard]] Subject subject_of(List list, int index, const plan::LaunchPlan& plan);

/// The name of a system call that a step makes, or nothing.
[[nodiscard]] std::string_view name_of_call(int number);

/// The message for people: the step's name, the path it worked on (looked up in the plan by index) and errno.
[[nodiscard]] Error describe_failure(const Message& failed, const plan::LaunchPlan& plan);

}  // namespace xctl::launch
