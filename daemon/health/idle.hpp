// SPDX-License-Identifier: LGPL-2.1-or-later
// When a container that sockets start has nothing to do: for some time nobody has been connected to them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/systemd/scopes.hpp"
#include "lib/base/result.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::health {

/// Where a stream socket listens, as systemd writes it: /path, @name, 127.0.0.1:80, [::]:80.
struct ListenAddress {
    std::string unix_name;  // as the kernel has it; empty: TCP
    std::string host;       // the bytes of an address; empty: every one
    std::uint16_t port = 0;
};
Result<ListenAddress> parse_listen_address(std::string_view text);

/// Measures how long there has been no connection.
class IdleTime {
public:
    using Clock = std::chrono::steady_clock;

    /// Whether it has been idle for `limit` by now. A count that could not be had counts as being busy.
    bool observe(std::optional<std::uint64_t> connections, Clock::time_point now, std::chrono::milliseconds limit);

private:
    std::optional<Clock::time_point> idle_since_;
};

/// Looks once a second, while it is there.
class IdleWatch {
public:
    /// `idle` is called once, and may destroy this.
    IdleWatch(kernel::EventLoop& loop, systemd::Scopes& systemd, const std::string& socket_unit,
              std::chrono::milliseconds limit, std::function<void()> idle);
    ~IdleWatch() { *alive_ = false; }
    IdleWatch(const IdleWatch&) = delete;
    IdleWatch& operator=(const IdleWatch&) = delete;

private:
    void begin(const std::vector<std::string>& addresses);
    void look_later();
    void look();
    [[nodiscard]] std::optional<std::uint64_t> count() const;

    kernel::EventLoop& loop_;
    std::chrono::milliseconds limit_;
    std::function<void()> idle_;
    std::vector<ListenAddress> addresses_;
    IdleTime time_;
    kernel::EventSource timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace xctl::health
