// SPDX-License-Identifier: LGPL-2.1-or-later
// The connection to the system bus, shared by the D-Bus interface, the scopes and the access checks.
//
// We open the sd_bus ourselves and let sdbus-c++ wrap it: only the raw connection can tell whether a caller
// allows interactive authorization.
#pragma once

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <memory>
#include <optional>
#include <string>

#include "lib/base/result.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::systemd {

class Bus {
public:
    static Result<Bus> open(kernel::EventLoop& loop);

    [[nodiscard]] sdbus::IConnection& connection() noexcept { return *connection_; }
    /// The same connection, for what is made of sd-bus itself.
    [[nodiscard]] sd_bus* raw() const noexcept { return raw_; }

    /// Of the method call being handled now.
    [[nodiscard]] bool caller_allows_interaction() const noexcept;
    struct Credentials {
        uid_t uid = 65534;
        pid_t pid = 0;  // 0: not known
    };
    /// Of the method call being handled now. Asks the bus daemon, as sd-bus services do.
    [[nodiscard]] Credentials caller_credentials() const noexcept;

    Result<> request_name(const std::string& name);

private:
    Bus(sd_bus* raw, std::unique_ptr<sdbus::IConnection> connection) noexcept
        : raw_(raw), connection_(std::move(connection)) {}

    sd_bus* raw_;  // owned by connection_
    std::unique_ptr<sdbus::IConnection> connection_;
};

/// The path of the object below `prefix` that has this name, by the escapes that systemd's services agree on.
[[nodiscard]] sdbus::ObjectPath object_path(const std::string& prefix, const std::string& name);

/// An sdbus-c++ error as ours: what the other side said.
[[nodiscard]] Error from_bus_error(const sdbus::Error& error, std::string_view what);

}  // namespace xctl::systemd
