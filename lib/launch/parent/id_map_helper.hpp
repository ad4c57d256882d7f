// SPDX-License-Identifier: LGPL-2.1-or-later
// Id maps that the kernel does not let us write: newuidmap(1) and newgidmap(1) look at /etc/subuid and /etc/subgid.
#pragma once

#include <sys/types.h>

#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// Of a process in a user namespace that was just made.
Result<> map_ids_by_helper(pid_t pid, const plan::LaunchPlan& plan);

}  // namespace xctl::launch
