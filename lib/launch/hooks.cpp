// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/hooks.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <format>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "lib/launch/pointers.hpp"

namespace xctl::launch {
namespace {

constexpr int kMillisecondsPerSecond = 1000;

/// Filled before the hook exists: one that does not read its input must not end us by SIGPIPE.
Result<UniqueFd> make_input(std::string_view state) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
    UniqueFd input(ends[0]);
    const UniqueFd output(ends[1]);
    // Rounded up to a page by the kernel.
    const int wanted = static_cast<int>(std::max<std::size_t>(state.size(), 1));
    if (::fcntl(output.get(), F_SETPIPE_SZ, wanted) < 0) return fail_errno(errno, "size of the pipe to a hook");
    TRY(kernel::write_all(output.get(), state));
    return input;
}

/// Empty when the time is over.
Result<std::optional<kernel::ExitStatus>> wait_for(PidFd pidfd, std::uint32_t timeout) {
    pollfd waiting{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    const auto seconds = static_cast<int>(std::min<std::uint32_t>(timeout, 2'000'000));
    const int limit = timeout > 0 ? seconds * kMillisecondsPerSecond : -1;
    int ready = 0;
    do ready = ::poll(&waiting, 1, limit);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) TRY(kernel::send_signal(pidfd, SIGKILL));
    const auto status = TRY(kernel::wait_exit(pidfd));
    if (ready <= 0) return std::nullopt;
    return status;
}

}  // namespace

std::string hook_failure(std::string_view kind, std::size_t index) {
    return std::format("error running {} hook #{}", kind, index);
}

Result<> run_hook(const plan::Hook& hook, std::string_view state) {
    const auto input = TRY(make_input(state));
    const auto words = hook.args.empty() ? std::vector{hook.path} : hook.args;
    const auto args = pointers_to(words);
    const auto env = pointers_to(hook.env);
    // Without an environment of its own it has ours, as other runtimes do it.
    char* const* const environment = hook.env.empty() ? ::environ : env.data();
    auto child = TRY(kernel::clone_process({}));
    if (child.pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::dup2(input.get(), STDIN_FILENO);
        ::execve(hook.path.c_str(), args.data(), environment);
        ::_exit(kExitNotExecuted);
    }
    const auto status = TRY(wait_for(child.pidfd, hook.timeout), "hook " + xctl::quoted(hook.path));
    if (!status)
        return fail(Errc::timeout,
                    std::format("hook {}: killed after {} seconds", xctl::quoted(hook.path), hook.timeout));
    if (!status->signaled && status->value == 0) return {};
    return fail(Errc::launch_failed, std::format("hook {}: {} {}", xctl::quoted(hook.path),
                                                 status->signaled ? "signal" : "exit status", status->value));
}

}  // namespace xctl::launch
