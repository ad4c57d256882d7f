// SPDX-License-Identifier: LGPL-2.1-or-later
// Shares of processor caches and memory bandwidth: the kernel's resctrl file system.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// The directory where it is mounted.
Result<UniqueFd> open_resctrl();

/// Puts a process into its class, and into a monitoring group if one is asked for. A class that has a name of its own
/// and exists must have the schemata that the plan wants; one without any must exist. What this made is removed again
/// when it fails.
Result<> enter_resctrl(DirFd root, const plan::IntelRdt& wanted, const std::string& id, pid_t pid);

/// Other schemata for the class of a container that is in it.
Result<> change_resctrl(DirFd root, const plan::IntelRdt& wanted, const std::string& id);

/// Removes what enter_resctrl() makes for this container alone: the monitoring group, and the class that is named
/// after the container.
void leave_resctrl(DirFd root, const plan::IntelRdt& wanted, const std::string& id);

/// Finds the file system itself. Does nothing for a container without a class, or when resctrl is not mounted.
void leave_resctrl(const std::optional<plan::IntelRdt>& wanted, const std::string& id);

}  // namespace xctl::launch
