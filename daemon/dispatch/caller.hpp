// SPDX-License-Identifier: LGPL-2.1-or-later
// Somebody who calls, as the transport knows them.
#pragma once

#include <sys/types.h>

#include <string>

#include "api/types.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::dispatch {

struct Caller {
    uid_t uid = 65534;
    bool interactive = false;  // polkit may ask the person
    std::string bus_name;      // the unique name of a caller on D-Bus
    UniqueFd pidfd;            // of the process at the other end of a socket
    api::Peer peer;            // for the history of containers and the list of clients

    [[nodiscard]] bool is_root() const noexcept { return uid == 0; }
};

}  // namespace xctl::dispatch
