// SPDX-License-Identifier: LGPL-2.1-or-later
// How a payload gets a socket for sd_notify(3).
#pragma once

#include <string>

#include "lib/plan/plan.hpp"

namespace xctl::plan {

/// The socket's name in the directory that the payload is shown.
inline constexpr const char* kNotifySocketName = "notify.sock";

/// Shows `directory` of the host, which holds the socket, to the payload, read-only, and tells its program where that is.
void add_notify_directory(LaunchPlan& plan, std::string directory);

}  // namespace xctl::plan
