// SPDX-License-Identifier: LGPL-2.1-or-later
// The root of a running container, changed from outside: mount_namespaces(7), setns(2) with a pidfd (Linux 5.8).
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

struct RootChange {
    std::vector<plan::Mount> mounts;    // binds, to be made in order
    std::vector<plan::Device> devices;  // nodes, to be made after them
    std::vector<std::string> gone_mounts, gone_nodes;  // their targets; they go before anything comes
    bool user_namespace = false;                       // the container has one of its own

    [[nodiscard]] bool empty() const noexcept {
        return mounts.empty() && devices.empty() && gone_mounts.empty() && gone_nodes.empty();
    }
};

/// Joins the mount namespace of the process of `pidfd`, from which the caller does not come back: for a process of its
/// own. All of what is new is there afterwards, or nothing of it; the error is launch_failed and names step and path.
Result<> change_live_root(int pidfd, const RootChange& change);

}  // namespace xctl::launch
