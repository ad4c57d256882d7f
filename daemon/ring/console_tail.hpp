// SPDX-License-Identifier: LGPL-2.1-or-later
// What a run said last.
#pragma once

#include <string>

#include "daemon/ring/ring.hpp"

namespace xctl::ring {

/// The last lines of the latest run, as far as they are kept.
[[nodiscard]] std::string console_tail(const Ring& ring);

}  // namespace xctl::ring
