// SPDX-License-Identifier: LGPL-2.1-or-later
// What `events` prints about a container, one line each.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/fd.hpp"

namespace xctl::runtime {

/// Counters of the cgroup's files; one that is missing, with its controller, is 0.
[[nodiscard]] std::string stats_json(const std::string& id, CgroupFd cgroup);
[[nodiscard]] std::string oom_json(const std::string& id);

/// Processes that the kernel killed for want of memory, in the whole tree.
[[nodiscard]] std::uint64_t count_oom_kills(CgroupFd cgroup);

}  // namespace xctl::runtime
