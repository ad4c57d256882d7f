// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs over varlink: converts, checks access, calls the Manager, converts back.
#pragma once

#include <systemd/sd-varlink.h>

#include <list>
#include <map>
#include <memory>
#include <vector>

#include "daemon/manager/manager.hpp"
#include "daemon/transport/access.hpp"
#include "daemon/transport/callers.hpp"
#include "daemon/transport/repeater.hpp"
#include "daemon/transport/varlink_door.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class VarlinkServer final : public manager::ManagerObserver {
public:
    VarlinkServer(kernel::EventLoop& loop, manager::Manager& manager, Access& access, Repeater& repeater,
                  Callers& callers);
    ~VarlinkServer();
    VarlinkServer(const VarlinkServer&) = delete;
    VarlinkServer& operator=(const VarlinkServer&) = delete;

    /// Serves the listening sockets that systemd passed.
    Result<> start(std::vector<UniqueFd> sockets);

    /// From sd-varlink's callbacks.
    int on_call(api::Verb verb, sd_varlink* link, sd_json_variant* parameters, bool more) noexcept;
    void on_disconnect(sd_varlink* link) noexcept;

    void on_added(const std::string&) override {}
    void on_removed(const std::string&) override {}
    void on_event(const api::Event& event) override;

private:
    struct Delivery;

    void deliver(sd_varlink* link, const api::VerbRow& verb, api::Reply reply);
    void send_part(Delivery& delivery);

    kernel::EventLoop& loop_;
    manager::Manager& manager_;
    Access& access_;
    Repeater& repeater_;
    Callers& callers_;
    sd_varlink_server* server_ = nullptr;
    VarlinkDoor door_;
    std::list<sd_varlink*> subscribers_;  // each with a reference of ours
    std::map<sd_varlink*, Callers::Ticket> tickets_;  // of those whose answers may be long in coming
    std::list<Delivery> deliveries_;
};

}  // namespace xctl::transport
