// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/launcher/watchdog.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "lib/plan/environment.hpp"

namespace xctl::runtime {

/// The variable WATCHDOG_PID names us. Without a PID namespace the number of the program is not known yet, and without
/// the variable the watchdog is meant for whoever reads of it.
void announce_watchdog(plan::LaunchPlan& plan) {
    const char* const interval = std::getenv("WATCHDOG_USEC");
    auto& env = plan.process.env;
    if (interval == nullptr || !std::ranges::contains(env, "NOTIFY_SOCKET", plan::env_name)) return;
    plan::set_env(env, std::string("WATCHDOG_USEC=") + interval);
    const auto* const own = plan::find_namespace(plan, plan::NamespaceKind::pid);
    if (own != nullptr && own->path.empty()) plan::set_env(env, "WATCHDOG_PID=1");
}

}  // namespace xctl::runtime
