// SPDX-License-Identifier: LGPL-2.1-or-later
// The watchdog of a unit, sd_watchdog_enabled(3): systemd tells us of it, and we the program.
#pragma once

#include "lib/plan/plan.hpp"

namespace xctl::runtime {

/// If its unit has one, and it has a socket to feed that by.
void announce_watchdog(plan::LaunchPlan& plan);

}  // namespace xctl::runtime
