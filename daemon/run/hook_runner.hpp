// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs hooks outside the container in a process beside ours, since they may take their time.
#pragma once

#include <string>
#include <vector>

#include "daemon/run/errand.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::run {

class HookRunner {
public:
    /// Whether each hook exited with 0 in its time, or what the first one that did not did instead.
    using Done = Errand::Done;

    explicit HookRunner(kernel::EventLoop& loop) : errand_(loop) {}

    /// One after the other, with the state on their standard input. Without hooks, and when there can be no such
    /// process, `done` is called at once; else in a later turn of the loop, and not at all after cancel().
    void start(const std::vector<plan::Hook>& hooks, const std::string& state, Done done);
    /// Kills what runs.
    void cancel() { errand_.cancel(); }
    [[nodiscard]] bool is_running() const noexcept { return errand_.is_running(); }

private:
    Errand errand_;
};

}  // namespace xctl::run
