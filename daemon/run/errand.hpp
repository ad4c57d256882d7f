// SPDX-License-Identifier: LGPL-2.1-or-later
// Work that may take its time, in a process beside ours.
#pragma once

#include <sys/types.h>

#include <functional>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::run {

class Errand {
public:
    using Work = std::function<Result<>()>;
    using Done = std::function<void(Result<>)>;

    explicit Errand(kernel::EventLoop& loop) : loop_(loop) {}
    ~Errand() { cancel(); }
    Errand(const Errand&) = delete;
    Errand& operator=(const Errand&) = delete;

    /// Calls `work` in a fork of ours, which dies with us, and then `done` with what it returned: the error's code,
    /// number, message, step and path come back. In a later turn of the loop, except when there can be no such process;
    /// not at all after cancel().
    void start(const Work& work, Done done);
    /// Kills the process, and those that it has started.
    void cancel();
    /// The same, but `done` is told so now, and nobody waits for a process that the kernel does not let go of.
    void give_up(Error error);
    /// Its process is still there.
    [[nodiscard]] bool is_running() const noexcept { return static_cast<bool>(pidfd_); }

private:
    Result<> fork(const Work& work);
    void finish();

    kernel::EventLoop& loop_;
    UniqueFd pidfd_;
    pid_t group_ = -1;
    UniqueFd report_;
    kernel::EventSource source_;
    Done done_;
};

}  // namespace xctl::run
