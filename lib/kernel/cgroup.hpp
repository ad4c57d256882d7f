// SPDX-License-Identifier: LGPL-2.1-or-later
// A cgroup v2 directory: cgroups(7). Every function takes the directory's descriptor. cgroup_tree.hpp has whole trees.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace xctl::kernel {

/// The root of the cgroup v2 hierarchy: /sys/fs/cgroup, or its `unified` below on a host with v1 as well.
Result<OwnedCgroup> open_cgroup_root();

/// The path below that root, "/" first, of the cgroup that a process is in.
Result<std::string> read_cgroup_path(pid_t pid);
Result<std::string> read_own_cgroup_path();

/// The same of a cgroup's directory.
Result<std::string> path_of_cgroup(CgroupFd cgroup);

/// The v2 path in the text of a /proc/PID/cgroup file.
Result<std::string> parse_cgroup_path(std::string_view text);

/// `path` as above, or relative to `parent`.
Result<OwnedCgroup> open_cgroup(std::string_view path);
Result<OwnedCgroup> open_cgroup_at(CgroupFd parent, std::string_view path);

/// Makes it if it is missing.
Result<OwnedCgroup> make_cgroup_at(CgroupFd parent, const std::string& name);

/// The names of the cgroups directly below.
Result<std::vector<std::string>> list_cgroups(CgroupFd cgroup);

/// The processes in this cgroup itself, not below it. Processes of other pid namespaces appear as 0.
Result<std::vector<pid_t>> read_processes(CgroupFd cgroup);
Result<> add_process(CgroupFd cgroup, pid_t pid);

/// What may be enabled here.
Result<std::vector<std::string>> read_controllers(CgroupFd cgroup);
/// What is enabled for the children; with any of these only they may have processes.
Result<std::vector<std::string>> read_enabled_controllers(CgroupFd cgroup);
/// In every cgroup above this one, as far as that works.
void enable_above(CgroupFd cgroup, const std::vector<std::string>& controllers);
Result<> enable_controllers(CgroupFd cgroup, const std::vector<std::string>& controllers);

struct CgroupEvents {
    bool populated = false;
    bool frozen = false;
};

/// cgroup.events; the file raises POLLPRI when it changes.
Result<CgroupEvents> read_cgroup_events(CgroupFd cgroup);
[[nodiscard]] CgroupEvents parse_cgroup_events(std::string_view text);
Result<UniqueFd> open_cgroup_events(CgroupFd cgroup);

/// SIGKILL to every process in the tree, atomically (Linux 5.14).
Result<> kill_cgroup(CgroupFd cgroup);
Result<> set_frozen(CgroupFd cgroup, bool frozen);

}  // namespace xctl::kernel
