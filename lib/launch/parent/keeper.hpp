// SPDX-License-Identifier: LGPL-2.1-or-later
// The process that stays as the parent of a container's init where the kernel forgets exit statuses.
#pragma once

#include "lib/base/fd.hpp"

namespace xctl::launch {

/// Waits for its child, writes the exit record, reaps, exits with 0. Closes every descriptor but these two.
[[noreturn]] void keep(PidFd init, DirFd record_directory);

}  // namespace xctl::launch
