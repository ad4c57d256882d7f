// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known about a payload from its command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace xctl::plan {

/// Whether args[0] is a systemd that will run as the container's init: /sbin/init, /usr/sbin/init or any systemd.
[[nodiscard]] bool is_systemd_payload(const std::vector<std::string>& args);

/// The signal that asks this payload to shut down: systemd takes SIGRTMIN+3 for that, everyone else SIGTERM.
[[nodiscard]] std::string_view default_stop_signal(const std::vector<std::string>& args);

}  // namespace xctl::plan
