// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/health/idle.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <format>
#include <utility>

#include "daemon/definition/probe.hpp"
#include "lib/base/log.hpp"
#include "lib/kernel/connections.hpp"

namespace xctl::health {
namespace {

constexpr std::chrono::seconds kInterval{1};

/// Every address is written as 0.0.0.0 or [::].
std::string address_bytes(const std::string& host) {
    in6_addr v6{};
    in_addr v4{};
    std::string bytes;
    if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1)
        bytes.assign(reinterpret_cast<const char*>(&v6), sizeof v6);
    else if (::inet_pton(AF_INET, host.c_str(), &v4) == 1)
        bytes.assign(reinterpret_cast<const char*>(&v4), sizeof v4);
    return std::ranges::all_of(bytes, [](char c) { return c == 0; }) ? std::string() : bytes;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
    ListenAddress out;
    if (text.starts_with('/') || text.starts_with('@')) {
        out.unix_name = text;
        if (text.starts_with('@')) out.unix_name.front() = '\0';
        return out;
    }
    // An interface may follow.
    const auto endpoint = TRY(definition::parse_endpoint(text.substr(0, text.find('%'))));
    out.host = address_bytes(endpoint.host);
    out.port = endpoint.port;
    return out;
}

bool IdleTime::observe(std::optional<std::uint64_t> connections, Clock::time_point now,
                       std::chrono::milliseconds limit) {
    if (connections.value_or(1) > 0) {
        idle_since_.reset();
        return false;
    }
    if (!idle_since_) idle_since_ = now;
    return now - *idle_since_ >= limit;
}

IdleWatch::IdleWatch(kernel::EventLoop& loop, systemd::Scopes& systemd, const std::string& socket_unit,
                     std::chrono::milliseconds limit, std::function<void()> idle)
    : loop_(loop), limit_(limit), idle_(std::move(idle)) {
    systemd.query_listen(socket_unit, [this, alive = alive_](const std::vector<std::string>& addresses) {
        if (*alive) begin(addresses);
    });
}

/// Without sockets nothing would start it again, and nothing is looked at.
void IdleWatch::begin(const std::vector<std::string>& addresses) {
    for (const auto& text : addresses) {
        auto address = parse_listen_address(text);
        if (!address) return log_warning(std::format("idle time: connections to {} cannot be counted", text));
        addresses_.push_back(std::move(*address));
    }
    if (!addresses_.empty()) look_later();
}

void IdleWatch::look_later() {
    loop_.arm(timer_, kInterval, [this](std::uint32_t) { look(); });
}

std::optional<std::uint64_t> IdleWatch::count() const {
    std::uint64_t sum = 0;
    for (const auto& address : addresses_) {
        const auto connections = address.unix_name.empty() ? kernel::count_tcp_connections(address.host, address.port)
                                                           : kernel::count_unix_connections(address.unix_name);
        if (!connections) return std::nullopt;
        sum += *connections;
    }
    return sum;
}

void IdleWatch::look() {
    if (!time_.observe(count(), IdleTime::Clock::now(), limit_)) return look_later();
    timer_.reset();
    // Moved out, since it may destroy this.
    const auto idle = std::exchange(idle_, {});
    idle();
}

}  // namespace xctl::health
