// SPDX-License-Identifier: LGPL-2.1-or-later
// The mounts of a process: /proc/PID/mountinfo, proc_pid_mountinfo(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::runtime {

struct MountRow {
    std::uint64_t id = 0;
    std::string root;    // what of the file system
    std::string point;   // where, as the process sees it
    std::string fstype;
    bool operator==(const MountRow&) const = default;
};

Result<std::vector<MountRow>> parse_mount_table(std::string_view text);

/// CRIU writes a place between brackets, before a colon, and on a line: one with such letters is refused.
Result<> check_criu_path(std::string_view path);

}  // namespace xctl::runtime
