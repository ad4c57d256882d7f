// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/health/idle.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "lib/base/unique_fd.hpp"
#include "lib/kernel/connections.hpp"

namespace xctl::health {
namespace {

using namespace std::chrono_literals;

TEST(ListenAddress, IsWhatSystemdWrites) {
    EXPECT_EQ(parse_listen_address("/run/oci/web.socket")->unix_name, "/run/oci/web.socket");
    EXPECT_EQ(parse_listen_address("@abstract")->unix_name, std::string("\0abstract", 9));
    const auto any = parse_listen_address("[::]:8080");
    ASSERT_TRUE(any);
    EXPECT_EQ(any->port, 8080);
    EXPECT_EQ(any->host, "");
    EXPECT_EQ(parse_listen_address("127.0.0.1:80")->host, std::string("\x7f\0\0\x01", 4));
    EXPECT_EQ(parse_listen_address("[fe80::1]:80%eth0")->host.size(), 16U);
    EXPECT_FALSE(parse_listen_address("vsock:2:1234"));
    EXPECT_FALSE(parse_listen_address(""));
}

TEST(IdleTime, BeginsWhenTheLastConnectionIsGone) {
    IdleTime time;
    IdleTime::Clock::time_point now{};
    EXPECT_FALSE(time.observe(0, now, 10s));
    EXPECT_FALSE(time.observe(0, now + 9s, 10s));
    EXPECT_FALSE(time.observe(1, now + 11s, 10s));
    EXPECT_FALSE(time.observe(0, now + 12s, 10s));
    EXPECT_FALSE(time.observe(0, now + 21s, 10s));
    EXPECT_TRUE(time.observe(0, now + 22s, 10s));
}

TEST(IdleTime, WhatIsNotKnownIsBusy) {
    IdleTime time;
    EXPECT_FALSE(time.observe(std::nullopt, IdleTime::Clock::time_point(), 0s));
    EXPECT_TRUE(time.observe(0, IdleTime::Clock::time_point(), 0s));
}

TEST(Connections, ToAUnixSocketAreCounted) {
    const std::string name("\0xctl-test-connections", 22);
    const UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const auto* const at = reinterpret_cast<const sockaddr*>(&address);
    ASSERT_EQ(::bind(listening.get(), at, size), 0);
    ASSERT_EQ(::listen(listening.get(), 4), 0);
    EXPECT_EQ(kernel::count_unix_connections(name).value(), 0U);
    UniqueFd first(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(first.get(), at, size), 0);
    EXPECT_EQ(kernel::count_unix_connections(name).value(), 1U) << "nobody has accepted it yet";
    const UniqueFd accepted(::accept(listening.get(), nullptr, nullptr));
    const UniqueFd second(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(second.get(), at, size), 0);
    EXPECT_EQ(kernel::count_unix_connections(name).value(), 2U);
    EXPECT_EQ(kernel::count_unix_connections(name.substr(0, 10)).value(), 0U);
}

TEST(Connections, OverTcpAreCountedByPortAndAddress) {
    const UniqueFd listening(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    ASSERT_EQ(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    ASSERT_EQ(::listen(listening.get(), 4), 0);
    socklen_t size = sizeof any;
    ASSERT_EQ(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&any), &size), 0);
    const auto port = ntohs(any.sin6_port);
    EXPECT_EQ(kernel::count_tcp_connections("", port).value(), 0U);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = any.sin6_port;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    EXPECT_EQ(kernel::count_tcp_connections("", port).value(), 1U) << "an IPv4 client of an IPv6 socket";
    EXPECT_EQ(kernel::count_tcp_connections(std::string("\x7f\0\0\x01", 4), port).value(), 1U);
    EXPECT_EQ(kernel::count_tcp_connections(std::string("\x7f\0\0\x02", 4), port).value(), 0U);
    client.reset();
    EXPECT_LE(kernel::count_tcp_connections("", port).value(), 1U);
}

}  // namespace
}  // namespace xctl::health
