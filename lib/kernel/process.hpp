// SPDX-License-Identifier: LGPL-2.1-or-later
// Processes by pidfd: clone3(2), pidfd_open(2), pidfd_send_signal(2), waitid(2). Linux 5.7.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <optional>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace xctl::kernel {

/// How a process ended.
struct ExitStatus {
    bool signaled = false;     // `value` is a signal number; else an exit code
    int value = 0;
    bool core_dumped = false;  // only with signaled
    bool operator==(const ExitStatus&) const = default;
};

/// From the status word of wait(2).
[[nodiscard]] ExitStatus exit_status_from_wait(int status);

struct CloneOptions {
    std::uint64_t flags = 0;    // CLONE_*, without CLONE_VM; CLONE_PIDFD is always added
    int exit_signal = SIGCHLD;  // must be 0 with CLONE_PARENT
    CgroupFd cgroup{};          // to be born in, or none
};

struct Child {
    pid_t pid = -1;   // 0 in the child
    OwnedPidFd pidfd;   // empty in the child
};

/// Like fork(2): returns twice. The caller must be single-threaded, since the child runs more than exec.
Result<Child> clone_process(const CloneOptions& options);

/// Whether clone_sharing_memory() works on this processor and with this build; address sanitizers know of no such
/// child.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
inline constexpr bool kCanShareMemory = true;
#else
inline constexpr bool kCanShareMemory = false;
#endif

/// Where a child that shares our memory runs.
struct ChildEntry {
    void* stack = nullptr;  // its lowest address, aligned to 16 bytes
    std::size_t stack_size = 0;
    void (*function)(void*) = nullptr;  // must not return
    void* argument = nullptr;
};

/// A process of its own in everything but memory, until it executes a program: nothing is copied, and nothing faults
/// afterwards. It may make system calls only, with neither libc's state nor allocation, and everything that it uses
/// must stay as long as it does, even when we have exited.
Result<Child> clone_sharing_memory(const CloneOptions& options, const ChildEntry& entry);

Result<OwnedPidFd> open_pidfd(pid_t pid);

/// ESRCH when it has been reaped already.
Result<> send_signal(PidFd pidfd, int signal);

enum class Reap : unsigned char { yes, no };

/// Anybody's process; also before it has been reaped.
[[nodiscard]] bool has_exited(PidFd pidfd);

/// Blocks until our child ends. Errno is ECHILD when the process is not our child.
Result<ExitStatus> wait_exit(PidFd pidfd, Reap reap = Reap::yes);

/// Empty while it is still running; never blocks.
Result<std::optional<ExitStatus>> try_wait_exit(PidFd pidfd, Reap reap = Reap::yes);

}  // namespace xctl::kernel
