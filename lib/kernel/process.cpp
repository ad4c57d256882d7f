// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/process.hpp"

#include <linux/sched.h>
#include <poll.h>
#include <sys/wait.h>

#include "lib/kernel/raw.hpp"

namespace xctl::kernel {
namespace {

ExitStatus exit_status_from_siginfo(const siginfo_t& info) {
    return {.signaled = info.si_code != CLD_EXITED,
            .value = info.si_status,
            .core_dumped = info.si_code == CLD_DUMPED};
}

/// __WALL: also children that were cloned without an exit signal.
Result<std::optional<ExitStatus>> wait_for(PidFd pidfd, Reap reap, int options) {
    siginfo_t info{};
    const int flags = WEXITED | __WALL | options | (reap == Reap::no ? WNOWAIT : 0);
    int result = 0;
    do result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, flags);
    while (result < 0 && errno == EINTR);
    if (result < 0) return fail_errno(errno, "waitid");
    if (info.si_pid == 0) return std::nullopt;
    return exit_status_from_siginfo(info);
}

}  // namespace

ExitStatus exit_status_from_wait(int status) {
    if (WIFEXITED(status)) return {.signaled = false, .value = WEXITSTATUS(status), .core_dumped = false};
    return {.signaled = true, .value = WTERMSIG(status), .core_dumped = WCOREDUMP(status) != 0};
}

Result<Child> clone_process(const CloneOptions& options) {
    int pidfd = -1;
    clone_args args{};
    args.flags = options.flags | CLONE_PIDFD | (options.cgroup ? CLONE_INTO_CGROUP : 0U);
    args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    args.exit_signal = static_cast<unsigned>(options.exit_signal);
    if (options.cgroup) args.cgroup = static_cast<unsigned>(options.cgroup.get());
    const int pid = raw::call<SYS_clone3>(&args, sizeof args);
    if (pid < 0) return fail_errno(raw::errno_of(pid), "clone3");
    // In the child the variable has its old value: the descriptor exists in the parent's table only.
    if (pid == 0) return Child{0, OwnedPidFd()};
    return Child{pid, OwnedPidFd(pidfd)};
}

#if defined(__x86_64__)
namespace {

/// In the child, `function` is called on the new stack; only the parent returns.
long clone_onto(const clone_args& args, const ChildEntry& entry) {
    long result = SYS_clone3;
    register auto function __asm__("r8") = entry.function;
    register auto argument __asm__("r9") = entry.argument;
    __asm__ volatile(
        "syscall\n"
        "test %%rax, %%rax\n"
        "jnz 1f\n"
        "xor %%ebp, %%ebp\n"
        "mov %[argument], %%rdi\n"
        "call *%[function]\n"
        "hlt\n"
        "1:\n"
        : "+a"(result)
        : "D"(&args), "S"(sizeof args), [function] "r"(function), [argument] "r"(argument)
        : "rcx", "r11", "memory");
    return result;
}

}  // namespace

Result<Child> clone_sharing_memory(const CloneOptions& options, const ChildEntry& entry) {
    int pidfd = -1;
    clone_args args{};
    args.flags = options.flags | CLONE_VM | CLONE_PIDFD | (options.cgroup ? CLONE_INTO_CGROUP : 0U);
    args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    args.exit_signal = static_cast<unsigned>(options.exit_signal);
    args.stack = reinterpret_cast<std::uintptr_t>(entry.stack);
    args.stack_size = entry.stack_size;
    if (options.cgroup) args.cgroup = static_cast<unsigned>(options.cgroup.get());
    const long pid = clone_onto(args, entry);
    if (pid < 0) return fail_errno(static_cast<int>(-pid), "clone3");
    return Child{static_cast<pid_t>(pid), OwnedPidFd(pidfd)};
}
#else
Result<Child> clone_sharing_memory(const CloneOptions&, const ChildEntry&) { return fail_errno(ENOSYS, "clone3"); }
#endif

Result<OwnedPidFd> open_pidfd(pid_t pid) {
    return OwnedPidFd(TRY(lift_fd(raw::call<SYS_pidfd_open>(pid, 0), "pidfd_open of process " + std::to_string(pid))));
}

Result<> send_signal(PidFd pidfd, int signal) {
    return lift(raw::call<SYS_pidfd_send_signal>(pidfd.get(), signal, nullptr, 0),
                "pidfd_send_signal " + std::to_string(signal));
}

bool has_exited(PidFd pidfd) {
    pollfd waiting{pidfd.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) > 0;
}

Result<ExitStatus> wait_exit(PidFd pidfd, Reap reap) {
    while (true)
        if (auto status = TRY(wait_for(pidfd, reap, 0))) return *status;
}

Result<std::optional<ExitStatus>> try_wait_exit(PidFd pidfd, Reap reap) { return wait_for(pidfd, reap, WNOHANG); }

}  // namespace xctl::kernel
