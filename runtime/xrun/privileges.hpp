// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether we may do what needs the host's root.
#pragma once

#include "runtime/xrun/options.hpp"

namespace xctl::runtime {

/// Root in the first user namespace.
[[nodiscard]] bool is_host_root();

/// As --rootless says, or by what we are. Then cgroups and device rules are what a user is given, and no error when
/// nothing is asked of them.
[[nodiscard]] bool is_rootless(const Arguments& arguments);

}  // namespace xctl::runtime
