// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of another service's object.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/systemd/bus.hpp"

namespace xctl::systemd {

using Properties = std::map<sdbus::PropertyName, sdbus::Variant>;

/// Asks for all of one interface; `done` follows once, never inside this call.
inline void query_properties(Bus& bus, const std::string& service, const sdbus::ObjectPath& path,
                             const std::string& interface,
                             std::function<void(const std::optional<sdbus::Error>&, Properties)> done) {
    std::shared_ptr<sdbus::IProxy> proxy = sdbus::createProxy(bus.connection(), sdbus::ServiceName(service), path);
    // The proxy lives in its own callback until the answer has come.
    const auto answer = [proxy, done = std::move(done)](std::optional<sdbus::Error> error, Properties properties) {
        done(error, std::move(properties));
    };
    proxy->callMethodAsync("GetAll")
        .onInterface("org.freedesktop.DBus.Properties")
        .withArguments(interface)
        .uponReplyInvoke(answer);
}

}  // namespace xctl::systemd
