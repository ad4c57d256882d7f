// SPDX-License-Identifier: LGPL-2.1-or-later
// The root of a running container, changed from outside: mount_namespaces(7), setns(2) with a pidfd (Linux 5.8),
// statmount(2) (Linux 6.8).
//
// A container may rename the parents of what was mounted for it and put links in their place, so a path says nothing
// about what is there later. What is taken out again is known by its mount's number, and a device by its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// Numbers of mounts as of kernel::raw::read_mount_id(), by the targets that the plan names.
using MountIds = std::map<std::string, std::uint64_t>;

struct GoneNode {
    plan::Device device;
    std::optional<std::uint64_t> mount;  // where a node could not be made: the mount that shows another one
};

struct RootChange {
    std::string root;                   // the path of the container's root on the host
    std::vector<plan::Mount> mounts;    // binds, to be made in order
    std::vector<plan::Device> devices;  // nodes, to be made after them
    MountIds gone_mounts;               // they go before anything comes
    std::vector<GoneNode> gone_nodes;   // the same
    bool user_namespace = false;        // the container has one of its own

    [[nodiscard]] bool empty() const noexcept {
        return mounts.empty() && devices.empty() && gone_mounts.empty() && gone_nodes.empty();
    }
};

/// Joins the mount namespace of the process of `pidfd`, from which the caller does not come back: for a process of its
/// own, which nobody in the container can trace. All of what is new is there afterwards, or nothing of it; what is to go
/// stays when one of it cannot be identified. The error is launch_failed and names step and path. Returns the numbers of
/// the new mounts.
Result<MountIds> change_live_root(PidFd pidfd, const RootChange& change);

}  // namespace xctl::launch
