// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs over D-Bus: org.xctl1.Manager at /org/xctl1, org.xctl1.Container at an object for each container.
//
// Both interfaces are made from the rows of api/: a verb's required parameters are positional, the others go
// into a{sv} options, so that new ones never change a signature. On a container's own object its name is left out.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "daemon/manager/manager.hpp"
#include "daemon/systemd/bus.hpp"
#include "daemon/transport/access.hpp"
#include "daemon/transport/callers.hpp"
#include "daemon/transport/line_stream.hpp"
#include "daemon/transport/repeater.hpp"

namespace xctl::transport {

class DbusServer final : public manager::ManagerObserver {
public:
    DbusServer(kernel::EventLoop& loop, systemd::Bus& bus, manager::Manager& manager, Access& access,
               Repeater& repeater, Callers& callers);
    ~DbusServer();
    DbusServer(const DbusServer&) = delete;
    DbusServer& operator=(const DbusServer&) = delete;

    /// Publishes the objects, then the name.
    Result<> start();

    void on_added(const std::string& name) override;
    void on_removed(const std::string& name) override;
    void on_event(const api::Event& event) override;

private:
    enum class Manner : std::uint8_t { once, repeated };
    void add_methods(std::vector<sdbus::VTableItem>& items, const api::VerbRow& verb, const std::string& container);
    sdbus::MethodVTableItem make_method(const api::VerbRow& verb, const std::string& container, Manner manner);
    void on_call(const api::VerbRow& verb, const std::string& container, Manner manner, sdbus::MethodCall call);
    void dispatch(const api::VerbRow& verb, Manner manner, std::shared_ptr<api::Request> request,
                  const sdbus::MethodCall& call);
    void repeat(const api::VerbRow& verb, api::Request request, const sdbus::MethodCall& call);
    void subscribe(const sdbus::MethodCall& call);
    void publish_container(const std::string& name);
    void announce_changes(const std::string& name);

    [[nodiscard]] Callers::Ticket ticket_of(const std::string& sender);

    kernel::EventLoop& loop_;
    systemd::Bus& bus_;
    manager::Manager& manager_;
    Access& access_;
    Repeater& repeater_;
    Callers& callers_;
    std::unique_ptr<sdbus::IObject> root_;
    struct Object {
        std::unique_ptr<sdbus::IObject> object;
        api::ContainerInfo told;  // what listeners know
    };
    std::map<std::string, Object> containers_;
    /// Somebody who waits, until the bus says that they have left.
    struct Sender {
        Callers::Ticket ticket;
        std::shared_ptr<void> watch;
    };
    std::map<std::string, Sender> senders_;  // by unique name
    std::list<LineStream> streams_;          // of Events callers; JSON lines
};

}  // namespace xctl::transport
