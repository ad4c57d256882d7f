// SPDX-License-Identifier: LGPL-2.1-or-later
// Help, printed from the same rows that parse the command line.
#pragma once

#include <string>

#include "api/verbs.hpp"
#include "client/options.hpp"

namespace xctl::client {

/// "create NAME BUNDLE [OPTION]..." and so on, in one line.
[[nodiscard]] std::string usage_of(const api::VerbRow& verb);

/// The help of one verb.
[[nodiscard]] std::string help_of(const api::VerbRow& verb);

/// The help of a group, which lists its verbs.
[[nodiscard]] std::string help_of(const api::GroupRow& group, const api::VerbTable& table = api::kVerbTable);

/// The help of xctl: verbs, groups and options.
[[nodiscard]] std::string help_of(const api::VerbTable& table = api::kVerbTable);

}  // namespace xctl::client
