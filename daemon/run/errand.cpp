// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/errand.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>

#include "daemon/run/own_limits.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"

namespace xctl::run {
namespace {

constexpr std::size_t kMaxReport = 4096;  // fits into a pipe, so that writing it never waits

constexpr char kSeparator = '\0';

/// Code, errno, step, path and message, the last of which may be cut.
std::string to_report(const Error& error) {
    std::string out;
    for (const auto& part :
         {std::to_string(static_cast<int>(error.code)), std::to_string(error.sys_errno), error.step, error.path})
        (out += part) += kSeparator;
    return (out + error.message).substr(0, kMaxReport);
}

Error from_report(const std::string& report) {
    const auto parts = split(report, kSeparator);
    if (parts.size() < 5) return Error{Errc::launch_failed, 0, "its process was killed", {}, {}};
    const auto number = [](const std::string& text) { return static_cast<int>(parse_unsigned(text).value_or(0)); };
    return Error{static_cast<Errc>(number(parts[0])), number(parts[1]), parts[4], parts[2], parts[3]};
}

[[noreturn]] void run(const Errand::Work& work, int report) {
    // Here as well as in the daemon: whichever comes first, nothing is started before.
    (void)::setpgid(0, 0);
    // A new daemon begins anew what this one did not end.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Hooks are programs of others, and inherit them.
    auto done = give_usual_limits(::getpid());
    if (done) done = work();
    if (!done) (void)kernel::write_all(report, to_report(done.error()));
    ::_exit(done ? 0 : 1);
}

}  // namespace

void Errand::start(const Work& work, Done done) {
    cancel();
    if (auto forked = fork(work); !forked) {
        cancel();
        return done(std::move(forked));
    }
    done_ = std::move(done);
}

Result<> Errand::fork(const Work& work) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
    report_.reset(ends[0]);
    const UniqueFd output(ends[1]);
    auto child = TRY(kernel::clone_process({}), "a process beside ours");
    if (child.pid == 0) run(work, output.get());
    // A group of its own: whatever its work starts can be killed with it.
    (void)::setpgid(child.pid, child.pid);
    group_ = child.pid;
    pidfd_ = std::move(child.pidfd);
    source_ = TRY(loop_.add_io(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { finish(); }));
    return {};
}

void Errand::finish() {
    const auto status = kernel::wait_exit(pidfd_.get());
    const auto report = kernel::read_fd(report_.get(), kMaxReport);
    source_.reset();
    pidfd_.reset();
    report_.reset();
    const bool succeeded = status && !status->signaled && status->value == 0;
    // Moved out, since it may start the next work, or destroy us.
    const auto done = std::exchange(done_, {});
    if (done) done(succeeded ? Result<>() : std::unexpected(from_report(report.value_or(""))));
}

void Errand::cancel() {
    source_.reset();
    done_ = {};
    if (!pidfd_) return;
    (void)kernel::send_signal(pidfd_.get(), SIGKILL);
    // Before it is waited for, so that the number is its own.
    (void)::kill(-group_, SIGKILL);
    (void)kernel::wait_exit(pidfd_.get());
    pidfd_.reset();
}

void Errand::give_up(Error error) {
    if (pidfd_) (void)kernel::send_signal(pidfd_.get(), SIGKILL);
    if (const auto done = std::exchange(done_, {})) done(std::unexpected(std::move(error)));
}

}  // namespace xctl::run
