// SPDX-License-Identifier: LGPL-2.1-or-later
// Help, printed from the same rows that parse the command line.
#pragma once

#include <string>

#include "api/verbs.hpp"
#include "client/options.hpp"

namespace xctl::client {

/// "create NAME BUNDLE [OPTION]..." and so on, in one line.
[[nodiscard]] std::string usage_of(const api::VerbRow& verb);

/// Of one verb, or of all if it is null.
[[nodiscard]] std::string help_of(const api::VerbRow* verb);

}  // namespace xctl::client
