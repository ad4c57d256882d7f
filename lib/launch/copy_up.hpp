// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills a new tmpfs with what it is about to cover.
#pragma once

namespace xctl::launch {

/// Copies what is below `from` to `to`, both directories: names, types, modes, owners, contents. Stays in the mount of
/// `from`. Returns 0 or a failure of lib/kernel/raw.hpp; allocates nothing.
int copy_up(int from, int to);

}  // namespace xctl::launch
