// SPDX-License-Identifier: LGPL-2.1-or-later
// Knows the control sequences that make a terminal answer, as if somebody typed.
#pragma once

#include "client/escape_scanner.hpp"

namespace xctl::client {

[[nodiscard]] bool is_query(const EscapeScanner::Piece& piece);

}  // namespace xctl::client
