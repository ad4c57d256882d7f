// SPDX-License-Identifier: LGPL-2.1-or-later
// Callers on D-Bus who wait, until the bus says that they have left.
#pragma once

#include <systemd/sd-bus.h>

#include <map>
#include <memory>
#include <string>

#include "daemon/dispatch/callers.hpp"

namespace xctl::transport {

class DbusSenders {
public:
    explicit DbusSenders(sd_bus* bus) : bus_(bus) {}
    DbusSenders(const DbusSenders&) = delete;
    DbusSenders& operator=(const DbusSenders&) = delete;

    /// The ticket for all calls of a sender. A caller whose departure the bus cannot tell is taken for one who stays.
    [[nodiscard]] dispatch::Callers::Ticket ticket_of(const std::string& sender, dispatch::Callers& callers);

private:
    struct Sender {
        dispatch::Callers::Ticket ticket;
        std::shared_ptr<void> watch;
    };

    sd_bus* bus_;
    std::map<std::string, Sender> senders_;  // by unique name
};

}  // namespace xctl::transport
