// SPDX-License-Identifier: LGPL-2.1-or-later
// The ids of the mounts that xctld has brought into a container's run. They are kept in the file `mounts` of the run's
// directory, so that the next daemon knows them too. statmount(2).
#pragma once

#include "lib/base/result.hpp"
#include "lib/launch/parent/live_root.hpp"

namespace xctl::run {

/// Empty when the run has none, or was begun by a version that did not keep them.
[[nodiscard]] launch::MountIds load_mount_ids(int run_directory);
Result<> save_mount_ids(int run_directory, const launch::MountIds& ids);
/// After this change, which brought `added`.
Result<> change_mount_ids(int run_directory, const launch::RootChange& change, launch::MountIds added);

}  // namespace xctl::run
