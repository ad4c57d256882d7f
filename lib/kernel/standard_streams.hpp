// SPDX-License-Identifier: LGPL-2.1-or-later
// The first three descriptors of a process, which its caller may have closed.
#pragma once

namespace xctl::kernel {

/// Opens /dev/null, with O_RDWR and `flags`, in place of each standard stream that is closed, so that no descriptor that
/// is opened later takes its number.
void fill_standard_streams(int flags);

}  // namespace xctl::kernel
