// SPDX-License-Identifier: LGPL-2.1-or-later
// The parent's preparation of a Context: everything that allocates, or that only the host's own root may do.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/guarded_stack.hpp"
#include "lib/launch/init/context.hpp"
#include "lib/launch/init/copy_up.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// The attributes that the kernel locks when a mount of the host comes into a user namespace with the other mounts
/// there: the flags of the mount, and how it updates access times. mount_namespaces(7).
Result<std::uint64_t> read_locks(int mount);

/// Owns what a Context refers to.
struct Preparation {
    Context context;
    std::vector<UniqueFd> descriptors;
    UniqueFd listener;
    kernel::GuardedStack sender_stack;
    std::unique_ptr<CopyLevel[]> copy_levels;
};

/// Opens the namespaces to join, makes idmapped trees, and lays out everything that the child must not allocate.
/// The plan must outlive the result. Errors are launch_failed with step and path.
Result<Preparation> prepare(const plan::LaunchPlan& plan);

/// A detached copy of a bind mount's source as the host has it, a slave of the host's mounts. In the container's root,
/// symbolic links are followed inside that.
Result<UniqueFd> clone_host_source(const plan::Root& root, const plan::Mount& mount);

}  // namespace xctl::launch
