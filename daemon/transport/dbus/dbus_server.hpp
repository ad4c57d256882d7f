// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs over D-Bus: org.xctl1.Manager at /org/xctl1, org.xctl1.Container at an object for each container.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "daemon/dispatch/dispatcher.hpp"
#include "daemon/manager/manager.hpp"
#include "daemon/systemd/bus.hpp"
#include "daemon/transport/dbus/dbus_senders.hpp"

namespace xctl::transport {

class DbusServer final : public manager::ManagerObserver {
public:
    DbusServer(kernel::EventLoop& loop, systemd::Bus& bus, manager::Manager& manager,
               dispatch::Dispatcher& dispatcher);
    ~DbusServer();
    DbusServer(const DbusServer&) = delete;
    DbusServer& operator=(const DbusServer&) = delete;

    /// Publishes the objects, then the name.
    Result<> start();

    void on_added(const std::string& name) override;
    void on_removed(const std::string& name) override;
    void on_event(const api::Event& event) override;

private:
    using Manner = dispatch::Manner;

    void add_methods(std::vector<sdbus::VTableItem>& items, const api::VerbRow& verb, const std::string& container);
    sdbus::MethodVTableItem make_method(const api::VerbRow& verb, const std::string& container, Manner manner);
    void on_call(const api::VerbRow& row, const std::string& container, Manner manner, sdbus::MethodCall message);
    [[nodiscard]] dispatch::Caller caller_of(const sdbus::MethodCall& call) const;
    [[nodiscard]] dispatch::Sink sink_of(const api::VerbRow& verb, Manner manner, const sdbus::MethodCall& call);
    void publish_container(const std::string& name);
    void announce_changes(const std::string& name);

    kernel::EventLoop& loop_;
    systemd::Bus& bus_;
    manager::Manager& manager_;
    dispatch::Dispatcher& dispatcher_;
    DbusSenders senders_;
    std::unique_ptr<sdbus::IObject> root_;
    struct Object {
        std::unique_ptr<sdbus::IObject> object;
        api::ContainerInfo told;  // what listeners know
    };
    std::map<std::string, Object> containers_;
};

}  // namespace xctl::transport
