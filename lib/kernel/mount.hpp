// SPDX-License-Identifier: LGPL-2.1-or-later
// Mounts as descriptors: fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2). Linux 5.12.
//
// A mount is made detached, gets its attributes there, and is then put onto a descriptor of its target: no path
// is resolved between the check of a target and its use.
#pragma once

#include <cstdint>
#include <string>

#include "lib/kernel/raw.hpp"

namespace xctl::kernel::raw {

/// A file system context. Configure it, then mount_context().
int open_filesystem(const char* fstype);

/// `value` nullptr: a flag.
int set_parameter(int context, const char* key, const char* value);

/// Creates the superblock and a detached mount of it.
int mount_context(int context);

/// A detached copy of what `path` (relative to `dir`; nullptr: `dir` itself) shows.
enum class Subtree : bool { no, yes };
int clone_tree(int dir, const char* path, Subtree subtree);

struct MountAttributes {
    std::uint64_t set = 0, clear = 0;  // MOUNT_ATTR_*
    std::uint64_t propagation = 0;     // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0
    int user_namespace = -1;           // with MOUNT_ATTR_IDMAP in `set`
};

/// `mount` is a descriptor of the mount's root.
int set_attributes(int mount, const MountAttributes& attributes, Subtree subtree);

/// Parameters of a file system that is mounted already: as open_filesystem(), to be ended by change_filesystem().
int pick_filesystem(int mount);
int change_filesystem(int context);

/// Puts a detached mount onto the file or directory that `target` refers to.
int attach_mount(int mount, int target);

/// The number that this mount alone has until the next boot, of a descriptor of something on it: statx(2) with
/// STATX_MNT_ID_UNIQUE, Linux 6.8; EOPNOTSUPP below that.
int read_mount_id(int fd, std::uint64_t* id);

}  // namespace xctl::kernel::raw

namespace xctl::kernel {

/// Where this mount of our mount namespace is, seen from our root: statmount(2), Linux 6.8. Errno is ENOENT when it is
/// gone. Whoever may rename its parents can make this untrue at any moment.
Result<std::string> read_mount_point(std::uint64_t id);

}  // namespace xctl::kernel
