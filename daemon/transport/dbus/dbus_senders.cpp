// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/dbus/dbus_senders.hpp"

#include "lib/base/log.hpp"
#include "lib/bus/signal_source.hpp"

namespace xctl::transport {

dispatch::Callers::Ticket DbusSenders::ticket_of(const std::string& sender, dispatch::Callers& callers) {
    auto& entry = senders_[sender];
    if (entry.ticket) return entry.ticket;
    entry.ticket = callers.welcome();
    auto watch = bus::watch_name(bus_, sender, [this, sender] { senders_.erase(sender); });
    if (watch)
        entry.watch = std::move(*watch);
    else
        log_error(watch.error().message);
    return entry.ticket;
}

}  // namespace xctl::transport
