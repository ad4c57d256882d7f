// SPDX-License-Identifier: LGPL-2.1-or-later
// What a pidfd tells after its process was reaped by whoever was its parent: PIDFD_GET_INFO, ioctl_pidfd(2const).
#pragma once

#include <optional>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/kernel/process.hpp"

namespace xctl::kernel {

/// The exit status of any process, ours or not. Empty until it was reaped: poll reports POLLHUP then; POLLIN alone
/// means a zombie. A kernel below 6.15 answers with an error (EINVAL or ENOTTY): ask has_exit_info() first.
Result<std::optional<ExitStatus>> read_exit_info(PidFd pidfd);

/// The process's number in our pid namespace, from /proc/self/fdinfo; errno is ESRCH when it is gone.
Result<pid_t> read_pidfd_pid(PidFd pidfd);

/// Whether read_exit_info() works here. Tries it once on a child made for that, without raising SIGCHLD.
[[nodiscard]] bool has_exit_info();

}  // namespace xctl::kernel
