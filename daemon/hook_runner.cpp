// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/hook_runner.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "lib/launch/hooks.hpp"

namespace xctl {
namespace {

constexpr std::size_t kMaxReport = 4096;  // fits into a pipe, so that writing it never waits

[[noreturn]] void run_all(const std::vector<plan::Hook>& hooks, const std::string& state, int report) {
    // A new daemon begins anew what this one did not end.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const auto& hook : hooks) {
        const auto done = launch::run_hook(hook, state);
        if (done) continue;
        const bool told = kernel::write_all(report, done.error().message.substr(0, kMaxReport)).has_value();
        ::_exit(told ? 1 : 2);
    }
    ::_exit(0);
}

}  // namespace

void HookRunner::start(const std::vector<plan::Hook>& hooks, const std::string& state, Done done) {
    cancel();
    if (hooks.empty()) return done({});
    if (auto forked = fork(hooks, state); !forked) {
        cancel();
        return done(std::move(forked));
    }
    done_ = std::move(done);
}

Result<> HookRunner::fork(const std::vector<plan::Hook>& hooks, const std::string& state) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
    report_.reset(ends[0]);
    const UniqueFd output(ends[1]);
    auto child = TRY(kernel::clone_process({}), "hooks");
    if (child.pid == 0) run_all(hooks, state, output.get());
    pidfd_ = std::move(child.pidfd);
    source_ = TRY(loop_.add_io(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { finish(); }));
    return {};
}

void HookRunner::finish() {
    const auto status = kernel::wait_exit(pidfd_.get());
    const auto text = kernel::read_fd(report_.get(), kMaxReport);
    source_.reset();
    pidfd_.reset();
    report_.reset();
    const bool succeeded = status && !status->signaled && status->value == 0;
    // Moved out, since it may start the next hooks, or destroy us.
    const auto done = std::exchange(done_, {});
    done(succeeded ? Result<>() : fail(Errc::launch_failed, text && !text->empty() ? *text : "the hooks were killed"));
}

void HookRunner::cancel() {
    source_.reset();
    done_ = {};
    if (!pidfd_) return;
    (void)kernel::send_signal(pidfd_.get(), SIGKILL);
    (void)kernel::wait_exit(pidfd_.get());
    pidfd_.reset();
}

}  // namespace xctl
