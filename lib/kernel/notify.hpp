// SPDX-License-Identifier: LGPL-2.1-or-later
// The sd_notify(3) protocol, for programs that must not link libsystemd.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel {

/// Assignments, one a line, to $NOTIFY_SOCKET. Does nothing when it is not set.
Result<> notify(std::string_view text);

/// Returns when the manager has read everything sent before: only then may the sender exit, since the manager
/// looks up the unit by the sender's cgroup. Errc::timeout when it does not answer.
Result<> notify_barrier(std::chrono::milliseconds timeout);

/// The manager's side: a socket at `path` to receive from, which never blocks and which every user may send to. The
/// process's umask is 0 meanwhile, so the caller is single-threaded. A file that is there is replaced.
Result<UniqueFd> bind_notify_socket(const std::string& path);

}  // namespace xctl::kernel
