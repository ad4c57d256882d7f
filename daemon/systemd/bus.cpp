// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/systemd/bus.hpp"

#include <cstdlib>
#include <format>

namespace xctl::systemd {

Result<Bus> Bus::open(kernel::EventLoop& loop) {
    sd_bus* raw = nullptr;
    if (const int r = sd_bus_open_system(&raw); r < 0) return fail_errno(-r, "connect to the system bus");
    sd_bus_set_exit_on_disconnect(raw, 1);
    try {
        auto connection = sdbus::createBusConnection(raw);
        connection->attachSdEventLoop(loop.get());
        return Bus(raw, std::move(connection));
    } catch (const sdbus::Error& error) {
        return std::unexpected(from_bus_error(error, "attach the system bus"));
    }
}

bool Bus::caller_allows_interaction() const noexcept {
    auto* message = sd_bus_get_current_message(raw_);
    return message != nullptr && sd_bus_message_get_allow_interactive_authorization(message) > 0;
}

Bus::Credentials Bus::caller_credentials() const noexcept {
    auto* message = sd_bus_get_current_message(raw_);
    sd_bus_creds* creds = nullptr;
    Credentials out;
    if (message == nullptr || sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds) < 0)
        return out;
    Credentials found;
    if (sd_bus_creds_get_euid(creds, &found.uid) >= 0) out.uid = found.uid;
    if (sd_bus_creds_get_pid(creds, &found.pid) >= 0) out.pid = found.pid;
    sd_bus_creds_unref(creds);
    return out;
}

Result<> Bus::request_name(const std::string& name) {
    try {
        connection_->requestName(sdbus::ServiceName(name));
        return {};
    } catch (const sdbus::Error& error) {
        return std::unexpected(from_bus_error(error, "request the bus name " + name));
    }
}

sdbus::ObjectPath object_path(const std::string& prefix, const std::string& name) {
    char* path = nullptr;
    (void)sd_bus_path_encode(prefix.c_str(), name.c_str(), &path);
    sdbus::ObjectPath out(path != nullptr ? path : "");
    free(path);
    return out;
}

Error from_bus_error(const sdbus::Error& error, std::string_view what) {
    return Error{Errc::system, 0, std::format("{}: {}", what, error.getMessage()), {}, {}};
}

}  // namespace xctl::systemd
