// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs over varlink: decodes calls and passes them to the dispatcher.
#pragma once

#include <systemd/sd-varlink.h>

#include <vector>

#include "daemon/dispatch/dispatcher.hpp"
#include "daemon/transport/varlink/varlink_door.hpp"
#include "daemon/transport/varlink/varlink_sink.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class VarlinkServer {
public:
    VarlinkServer(kernel::EventLoop& loop, dispatch::Dispatcher& dispatcher) : dispatcher_(dispatcher), door_(loop) {}
    ~VarlinkServer();
    VarlinkServer(const VarlinkServer&) = delete;
    VarlinkServer& operator=(const VarlinkServer&) = delete;

    /// Serves the listening sockets that systemd passed.
    Result<> start(std::vector<UniqueFd> sockets);

    /// From sd-varlink's callbacks.
    int on_call(api::Verb verb, sd_varlink* link, sd_json_variant* parameters, bool more) noexcept;
    void on_disconnect(sd_varlink* link) noexcept;

private:
    dispatch::Dispatcher& dispatcher_;
    sd_varlink_server* server_ = nullptr;
    VarlinkDoor door_;
    VarlinkTickets tickets_;
};

}  // namespace xctl::transport
