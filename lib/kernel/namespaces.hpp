// SPDX-License-Identifier: LGPL-2.1-or-later
// Namespaces as descriptors: namespaces(7), user_namespaces(7), ioctl_nsfs(2).
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel {

/// `clone_flag` is the CLONE_NEW* that the file must be of; another type is Errc::invalid_argument.
Result<UniqueFd> open_namespace(const std::string& path, int clone_flag);

Result<> join_namespace(int fd, int clone_flag);

/// A close-on-exec socket, see socket(2), of the network namespace that `network` refers to: a file of that namespace or
/// the pidfd of a process in it (Linux 5.8). The calling thread visits that namespace for a moment, and ends the program
/// if it cannot come back: all that it opened from then on would be that namespace's.
Result<UniqueFd> make_socket_in(int network, int domain, int type, int protocol = 0);

/// The texts for uid_map and gid_map, one mapping a line: "container host size\n".
struct IdMapTexts {
    std::string uid, gid;
};

/// Writes both maps of a process that was just cloned with CLONE_NEWUSER. `process` is its /proc directory.
/// Without privileges a gid_map needs setgroups(2) to be given up first, which is then done.
Result<> write_id_maps(DirFd process, const IdMapTexts& maps);

/// A user namespace with these maps and no process in it, for MOUNT_ATTR_IDMAP.
Result<UniqueFd> make_user_namespace(const IdMapTexts& maps);

}  // namespace xctl::kernel
