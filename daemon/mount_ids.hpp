// SPDX-License-Identifier: LGPL-2.1-or-later
// Which mounts of a container's run xctld itself has brought: the file `mounts` of its directory, so that the next daemon
// knows them, too.
#pragma once

#include "lib/base/result.hpp"
#include "lib/launch/live_root.hpp"

namespace xctl {

/// Empty when the run has none, or was begun by a version that did not keep them.
[[nodiscard]] launch::MountIds load_mount_ids(int run_directory);
Result<> save_mount_ids(int run_directory, const launch::MountIds& ids);
/// After this change, which brought `added`.
Result<> change_mount_ids(int run_directory, const launch::RootChange& change, launch::MountIds added);

}  // namespace xctl
