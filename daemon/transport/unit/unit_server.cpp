// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/unit/unit_server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <format>

#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/service_protocol.hpp"

namespace xctl::transport {
namespace {

/// "/…/oci@web.service/supervisor" -> "oci@web.service".
Result<std::string> unit_of(pid_t pid) {
    const auto path = TRY(kernel::read_cgroup_path(pid), "find the launcher's unit");
    constexpr std::string_view kService = ".service";
    // Whole parts of the path: a container may be called "web.service" itself.
    for (auto& part : split(path, '/'))
        if (part.ends_with(kService)) return std::move(part);
    return fail(Errc::denied, "xctl-launch --unit must be run by systemd, in a service");
}

void refuse(int socket, const Error& error) {
    launch::ServiceMessage refusal;
    refusal.kind = launch::ServiceKind::refusal;
    refusal.text = error.message.substr(0, launch::kMaxText);
    (void)launch::send_service(socket, refusal, {});
}

}  // namespace

UnitServer::UnitServer(kernel::EventLoop& loop, manager::Manager& manager)
    : loop_(loop),
      manager_(manager),
      acceptor_(loop, "/run/xctl/launch", [this](UniqueFd accepted, Acceptor::Room) { on_connection(std::move(accepted)); }) {}

Result<> UnitServer::start(UniqueFd socket) { return acceptor_.start(std::move(socket)); }

void UnitServer::on_connection(UniqueFd accepted) {
    auto& connection = connections_.emplace_back();
    connection.socket = std::move(accepted);
    auto source =
        loop_.add_io(connection.socket.get(), EPOLLIN, [this, &connection](std::uint32_t) { on_hello(connection); });
    if (source)
        connection.source = std::move(*source);
    else
        connections_.pop_back();
}

void UnitServer::on_hello(Connection& connection) {
    if (const auto taken = take(connection); !taken) {
        log_error(std::format("oci@.service: {}", taken.error().message));
        if (connection.socket) refuse(connection.socket.get(), taken.error());
    }
    forget(connection);
}

/// The socket is for root only, and we look up the unit of the peer ourselves: it cannot pose as another.
Result<> UnitServer::take(Connection& connection) {
    const auto hello = TRY(launch::receive_service(connection.socket.get()));
    if (hello.message.kind != launch::ServiceKind::hello)
        return fail(Errc::invalid_argument, "xctl-launch did not say hello");
    const auto peer = TRY(kernel::read_peer(connection.socket.get()));
    if (peer.uid != 0) return fail(Errc::denied, "only root may launch a container");
    auto unit = TRY(unit_of(peer.pid));
    UniqueFd handed(::fcntl(connection.socket.get(), F_DUPFD_CLOEXEC, 3));
    return manager_.start_in_unit(hello.message.text, std::move(unit), std::move(handed));
}

void UnitServer::forget(const Connection& connection) {
    connections_.remove_if([&](const Connection& entry) { return &entry == &connection; });
}

}  // namespace xctl::transport
