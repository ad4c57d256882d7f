// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole trees of cgroups: cgroups(7). A container that owns its cgroup decides how deep the tree below is, so nothing
// here recurses, holds more than a few descriptors at a time or names a cgroup by a path, which may exceed PATH_MAX.
// Every function takes the descriptor of the topmost cgroup. What ends meanwhile is passed over.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace xctl::kernel {

/// Calls `visit` with the descriptor of each cgroup, parents before children, and its path below the topmost one, which
/// is empty for that one itself and else begins with '/'. Ends early when `visit` returns false. Errno is that of the
/// first cgroup that cannot be opened or listed.
using CgroupVisitor = std::function<bool(CgroupFd cgroup, const std::string& path)>;
Result<> visit_cgroups(CgroupFd cgroup, const CgroupVisitor& visit);

/// The processes in the whole tree, by number. Processes of other pid namespaces appear as 0.
Result<std::vector<pid_t>> read_tree(CgroupFd cgroup);

/// Any signal to every process in the tree. SIGKILL reaches all of them atomically (Linux 5.14); others go to one after
/// the other, and may miss a new one. A process that has left the tree by then gets none, nor does another that was
/// given its number. Errno is that of a process that could not be signalled, after all others were.
Result<> signal_cgroup(CgroupFd cgroup, int signal);

/// Removes the empty cgroups below, and in the second form `name` of `parent` itself. Errno is EBUSY while processes are
/// left.
Result<> remove_cgroups_below(CgroupFd cgroup);
Result<> remove_cgroup_at(CgroupFd parent, const std::string& name);
/// The same of the parent with all that is in it. One that is gone is no error.
Result<> remove_parent_cgroup(CgroupFd cgroup);

}  // namespace xctl::kernel
