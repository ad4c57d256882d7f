// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs hooks outside the container in a process beside ours, since they may take their time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"
#include "lib/plan/plan.hpp"

namespace xctl {

class HookRunner {
public:
    /// Whether each hook exited with 0 in its time, or what the first one that did not did instead.
    using Done = std::function<void(Result<>)>;

    explicit HookRunner(kernel::EventLoop& loop) : loop_(loop) {}
    ~HookRunner() { cancel(); }
    HookRunner(const HookRunner&) = delete;
    HookRunner& operator=(const HookRunner&) = delete;

    /// One after the other, with the state on their standard input. Without hooks, and when there can be no such
    /// process, `done` is called at once; else in a later turn of the loop, and not at all after cancel().
    void start(const std::vector<plan::Hook>& hooks, const std::string& state, Done done);
    /// Kills what runs.
    void cancel();
    [[nodiscard]] bool is_running() const noexcept { return static_cast<bool>(pidfd_); }

private:
    Result<> fork(const std::vector<plan::Hook>& hooks, const std::string& state);
    void finish();

    kernel::EventLoop& loop_;
    UniqueFd pidfd_;
    UniqueFd report_;
    kernel::EventSource source_;
    Done done_;
};

}  // namespace xctl
