// SPDX-License-Identifier: LGPL-2.1-or-later
// xctl-launch's two ways of serving: warm, for xctld, and one shot, for a unit. See lib/launch/service_protocol.hpp.
#pragma once

#include <string>

#include "lib/base/result.hpp"

namespace xctl::runtime {

/// Executes the orders that arrive at `socket` until its other end is closed.
Result<> serve_orders(int socket);

/// Fetches the order for `name`, launches into our unit's cgroup, and tells systemd about the init.
Result<> launch_unit(const std::string& name);

}  // namespace xctl::runtime
