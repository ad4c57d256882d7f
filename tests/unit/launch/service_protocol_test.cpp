// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/service_protocol.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "lib/kernel/socket.hpp"

namespace xctl::launch {
namespace {

TEST(ServiceProtocol, IsReadAsItWasWritten) {
    const auto pair = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    const ServiceMessage message{.kind = ServiceKind::order,
                                 .parent = Parent::keeper,
                                 .terminal = true,
                                 .pid = 12,
                                 .error = 3,
                                 .text = "name"};
    const int fds[] = {pair.first.get(), pair.second.get()};
    ASSERT_TRUE(send_service(pair.first.get(), message, fds));
    const auto received = receive_service(pair.second.get()).value();
    EXPECT_EQ(received.message.kind, ServiceKind::order);
    EXPECT_EQ(received.message.parent, Parent::keeper);
    EXPECT_TRUE(received.message.terminal);
    EXPECT_EQ(received.message.pid, 12);
    EXPECT_EQ(received.message.error, 3);
    EXPECT_EQ(received.message.text, "name");
    EXPECT_EQ(received.fd_count, 2U);
}

TEST(ServiceProtocol, CutsTextsThatAreTooLong) {
    const auto pair = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    ASSERT_TRUE(send_service(pair.first.get(), {.kind = ServiceKind::verdict, .text = std::string(9000, 'x')}, {}));
    EXPECT_EQ(receive_service(pair.second.get()).value().message.text.size(), kMaxText);
}

TEST(ServiceProtocol, RefusesNonsense) {
    auto pair = kernel::make_socket_pair(SOCK_SEQPACKET | SOCK_NONBLOCK).value();
    EXPECT_EQ(receive_service(pair.second.get()).error().sys_errno, EAGAIN);
    ASSERT_EQ(::send(pair.first.get(), "short", 5, 0), 5);
    EXPECT_EQ(receive_service(pair.second.get()).error().code, Errc::invalid_document);
    const char unknown_kind[12] = {99};
    ASSERT_EQ(::send(pair.first.get(), unknown_kind, sizeof unknown_kind, 0), 12);
    EXPECT_EQ(receive_service(pair.second.get()).error().code, Errc::invalid_document);
    pair.first.reset();
    EXPECT_EQ(receive_service(pair.second.get()).error().code, Errc::cancelled);
}

}  // namespace
}  // namespace xctl::launch
