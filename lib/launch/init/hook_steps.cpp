// SPDX-License-Identifier: LGPL-2.1-or-later
// Steps that run hooks in the container's namespaces, and wait for those that run outside.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>

#include <csignal>

#include "lib/kernel/raw.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/hooks.hpp"
#include "lib/launch/init/decimal.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr std::size_t kPipeSize = 65536;
constexpr mode_t kHookUmask = 0022;

int write_state(int pipe, const plan::HookState& state) {
    const Decimal pid(raw::call<SYS_getpid>());
    const std::size_t size = state.head.size() + pid.size() + state.tail.size();
    // Everything must fit before anybody reads, since a reader that goes away would end us by SIGPIPE.
    if (size > kPipeSize)
        if (const int result = raw::call<SYS_fcntl>(pipe, F_SETPIPE_SZ, size); result < 0) return result;
    int result = raw::call<SYS_write>(pipe, state.head.c_str(), state.head.size());
    if (result >= 0) result = raw::call<SYS_write>(pipe, pid.begin, pid.size());
    if (result >= 0) result = raw::call<SYS_write>(pipe, state.tail.c_str(), state.tail.size());
    return result < 0 ? result : 0;
}

/// A readable descriptor that holds the state.
int make_input(const plan::HookState& state) {
    int ends[2] = {-1, -1};
    if (const int result = raw::call<SYS_pipe2>(ends, O_CLOEXEC); result < 0) return result;
    const int result = write_state(ends[1], state);
    raw::close(ends[1]);
    if (result >= 0) return ends[0];
    raw::close(ends[0]);
    return result;
}

[[noreturn]] void become_hook(int input, const plan::Hook& hook, const HookVectors& vectors) {
    const std::uint64_t none = 0;
    raw::call<SYS_rt_sigprocmask>(SIG_SETMASK, &none, nullptr, sizeof none);
    raw::call<SYS_dup3>(input, 0, 0);
    raw::call<SYS_execve>(hook.path.c_str(), vectors.args.data(), vectors.env.data());
    while (true) raw::call<SYS_exit_group>(kExitNotExecuted);
}

/// 0, or a failure with ETIMEDOUT or, when the hook did not exit with 0, ECANCELED; what it did instead stands where a
/// failure has the system call: its exit status, or the signal and kHookSignaled.
int wait_for_hook(int pidfd, std::uint32_t timeout) {
    pollfd waiting{.fd = pidfd, .events = POLLIN, .revents = 0};
    const timespec limit{.tv_sec = timeout, .tv_nsec = 0};
    int ready = 0;
    do ready = raw::call<SYS_ppoll>(&waiting, 1, timeout > 0 ? &limit : nullptr, nullptr, 0);
    while (raw::errno_of(ready) == EINTR);
    if (ready <= 0) raw::call<SYS_pidfd_send_signal>(pidfd, SIGKILL, nullptr, 0);
    siginfo_t info{};
    const int waited = raw::call<SYS_waitid>(P_PIDFD, pidfd, &info, WEXITED | __WALL, nullptr);
    if (waited < 0) return waited;
    if (ready == 0) return raw::failure(ETIMEDOUT);
    if (info.si_code == CLD_EXITED && info.si_status == 0) return 0;
    return raw::failure(ECANCELED, info.si_status | (info.si_code == CLD_EXITED ? 0 : kHookSignaled));
}

int run_one_hook(const plan::Hook& hook, const HookVectors& vectors, const plan::HookState& state) {
    const raw::Fd input(make_input(state));
    if (input.failed()) return input.get();
    int number = -1;
    const int pid = raw::call<SYS_clone>(CLONE_PIDFD | SIGCHLD, nullptr, &number, nullptr, nullptr);
    if (pid < 0) return pid;
    if (pid == 0) become_hook(input.get(), hook, vectors);
    const raw::Fd pidfd(number);
    return wait_for_hook(pidfd.get(), hook.timeout);
}

int run_hooks(Context& context, const std::vector<plan::Hook>& hooks, const std::vector<HookVectors>& vectors,
              const plan::HookState& state) {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        context.index = static_cast<int>(i);
        if (const int result = run_one_hook(hooks[i], vectors[i], state); result < 0) return result;
    }
    return 0;
}

}  // namespace

int run_create_hooks(Context& context) {
    const auto& hooks = context.plan->hooks;
    if (hooks.create_runtime.empty() && hooks.create_container.empty()) return 0;
    // Other runtimes' find themselves in what will be the root.
    if (const int result = raw::call<SYS_fchdir>(context.root); result < 0) return result;
    // Hooks may look at, and change, the container's cgroup.
    if (const int result = ensure_placed(context); result < 0) return result;
    if (!hooks.create_runtime.empty())
        if (const int result = await_runtime_hooks(context); result < 0) return result;
    raw::call<SYS_umask>(kHookUmask);
    const int result = run_hooks(context, hooks.create_container, context.create_hooks, hooks.create_state);
    raw::call<SYS_umask>(0);
    return result;
}

int run_start_hooks(Context& context) {
    const auto& hooks = context.plan->hooks;
    return run_hooks(context, hooks.start_container, context.start_hooks, hooks.start_state);
}

}  // namespace xctl::launch
