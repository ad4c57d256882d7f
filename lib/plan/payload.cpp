// SPDX-License-Identifier: LGPL-2.1-or-later
// Recognizing a systemd by its path.
#include "lib/plan/payload.hpp"

namespace xctl::plan {

bool is_systemd_payload(const std::vector<std::string>& args) {
    if (args.empty()) return false;
    const std::string_view program = args.front();
    return program == "/sbin/init" || program == "/usr/sbin/init" || program == "systemd" ||
           program.ends_with("/systemd");
}

std::string_view default_stop_signal(const std::vector<std::string>& args) {
    return is_systemd_payload(args) ? "SIGRTMIN+3" : "SIGTERM";
}

}  // namespace xctl::plan
