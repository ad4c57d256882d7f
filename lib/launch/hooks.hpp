// SPDX-License-Identifier: LGPL-2.1-or-later
// Hooks that run outside the container: the supervisor's side.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// The exit status of a hook that could not be executed, wherever it runs.
inline constexpr int kExitNotExecuted = 127;

/// Beside the number of the signal that ended a hook.
inline constexpr int kHookSignaled = 256;

/// What went wrong, for people: of a hook by its kind, the name in config.json, and its place among those.
[[nodiscard]] std::string hook_failure(std::string_view kind, std::size_t index);

/// Runs one hook in our own namespaces with the state on its standard input, and waits. Errc::timeout when it was
/// killed for taking too long; Errc::launch_failed when it could not be executed or did not exit with 0.
Result<> run_hook(const plan::Hook& hook, std::string_view state);

}  // namespace xctl::launch
