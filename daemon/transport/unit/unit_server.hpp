// SPDX-License-Identifier: LGPL-2.1-or-later
// The other end of oci@.service: xctl-launch, started by systemd, asks here for what it is to launch.
#pragma once

#include <list>

#include "daemon/manager/manager.hpp"
#include "daemon/transport/acceptor.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class UnitServer {
public:
    UnitServer(kernel::EventLoop& loop, manager::Manager& manager);

    /// `socket` listens on launch::kLaunchSocket; systemd passed it.
    Result<> start(UniqueFd socket);

private:
    struct Connection {
        UniqueFd socket;
        kernel::EventSource source;
    };

    void on_connection(UniqueFd accepted);
    void on_hello(Connection& connection);
    Result<> take(Connection& connection);
    void forget(const Connection& connection);

    kernel::EventLoop& loop_;
    manager::Manager& manager_;
    Acceptor acceptor_;
    std::list<Connection> connections_;  // that have not said hello yet
};

}  // namespace xctl::transport
