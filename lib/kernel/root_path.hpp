// SPDX-License-Identifier: LGPL-2.1-or-later
// Paths inside a container's root, which the container's image wrote and may be changing while we look.
//
// A path is never examined and then used: every step yields a descriptor, and the kernel resolves each step with
// the root as its "/" (openat2(2), RESOLVE_IN_ROOT, Linux 5.6). Nothing here allocates.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include "lib/kernel/raw.hpp"

namespace xctl::kernel::raw {

enum class NodeType : unsigned char { directory, file };

/// Symbolic links are followed inside `root`; magic links are refused.
int open_in_root(int root, const char* path, int flags, mode_t mode = 0);

/// The same, but any symbolic link on the way is ELOOP.
int open_in_root_without_links(int root, const char* path, int flags);

/// Below `dir`, in the same mount, without links of any kind.
int open_beneath(int dir, const char* path, int flags);

/// Opens the regular file of `node`, an O_PATH descriptor, for reading: EINVAL if it is anything else. No device is
/// opened and nobody waits, for a FIFO or a lease, whatever the path has come to mean since. `proc` is a procfs in which
/// we are "self": only its magic links lead from such a descriptor to one that reads (proc_pid_fd(5)).
int open_regular(int proc, int node);

/// An O_PATH descriptor of `path`. What is missing is made: parents as directories of mode 0755, the last part as
/// `type` with `mode`. A dangling symbolic link is followed, inside the root, and its target made.
int make_in_root(int root, const char* path, NodeType type, mode_t mode);

/// The same, but a symbolic link in the last part is what is opened.
int make_in_root_without_following(int root, const char* path, NodeType type, mode_t mode);

/// A path that was split: an O_PATH descriptor of the parent, made if it is missing, and the last part.
struct Parent {
    int fd;            // or a failure
    const char* name;  // points into the path that was given
};
Parent make_parent_in_root(int root, const char* path);

}  // namespace xctl::kernel::raw
