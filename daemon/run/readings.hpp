// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel says about a running container, as its users see it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/readings.hpp"
#include "lib/base/result.hpp"

namespace xctl::run {

/// Of a container by its cgroup `payload`; what the kernel does not count there is the whole unit's.
[[nodiscard]] api::Stats read_stats(const std::string& name, int payload);

/// As much of a list as an answer may hold (api/limits.hpp), and how many rows it leaves out.
template <class Row>
struct Excerpt {
    std::vector<Row> rows;
    std::uint64_t left_out = 0;
};

/// Of the network namespace that a process is in.
Result<Excerpt<api::Interface>> read_network(int pidfd);

/// Of the whole tree, by number. A process that ends meanwhile is neither listed nor counted.
Result<Excerpt<api::Process>> list_container_processes(int cgroup);

/// The processes of a tree that was killed and still has some: who they are and what they wait for.
[[nodiscard]] std::string describe_stuck(int cgroup);

/// The cgroup in the tree, `path` or one below, in which the kernel killed for want of memory; else empty.
[[nodiscard]] std::string find_oom_cgroup(int cgroup, const std::string& path);

}  // namespace xctl::run
