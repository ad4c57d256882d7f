// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/peer.hpp"

#include <systemd/sd-login.h>

#include <cstdlib>

namespace xctl::manager {

api::Peer describe_peer(uid_t uid, pid_t pid) {
    api::Peer peer;
    peer.uid = uid;
    if (pid <= 0) return peer;
    peer.pid = static_cast<std::uint64_t>(pid);
    char* unit = nullptr;
    if (sd_pid_get_unit(pid, &unit) >= 0) peer.unit = unit;
    std::free(unit);
    return peer;
}

}  // namespace xctl::manager
