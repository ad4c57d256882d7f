// SPDX-License-Identifier: LGPL-2.1-or-later
// The variables of a payload: NAME=value, environ(7).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace xctl::plan {

/// The search path of a program whose environment has no PATH.
inline constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

[[nodiscard]] inline std::string_view env_name(std::string_view entry) { return entry.substr(0, entry.find('=')); }

/// Replaces the last entry of that name, or adds one. `entry` is NAME=value.
void set_env(std::vector<std::string>& env, const std::string& entry);

}  // namespace xctl::plan
