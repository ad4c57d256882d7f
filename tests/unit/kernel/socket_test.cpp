// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/socket.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "lib/kernel/notify.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::kernel {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Socket, CarriesDescriptors) {
    const auto pair = make_socket_pair(SOCK_SEQPACKET).value();
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const UniqueFd read_end(pipe_ends[0]);
    UniqueFd write_end(pipe_ends[1]);
    const int fds[] = {write_end.get()};
    ASSERT_TRUE(send_with_fds(pair.first.get(), bytes_of("hello"), fds));
    std::byte buffer[16];
    auto packet = receive_with_fds(pair.second.get(), buffer).value();
    ASSERT_EQ(packet.size, 5U);
    EXPECT_EQ(std::memcmp(buffer, "hello", 5), 0);
    ASSERT_EQ(packet.fds.size(), 1U);
    write_end.reset();
    EXPECT_EQ(::write(packet.fds[0].get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
}

TEST(Socket, TellsTruncationAndEndOfFile) {
    auto pair = make_socket_pair(SOCK_SEQPACKET).value();
    ASSERT_TRUE(send_with_fds(pair.first.get(), bytes_of("too long"), {}));
    std::byte buffer[4];
    EXPECT_EQ(receive_with_fds(pair.second.get(), buffer).error().sys_errno, EMSGSIZE);
    pair.first.reset();
    EXPECT_EQ(receive_with_fds(pair.second.get(), buffer).value().size, 0U);
}

TEST(Socket, ListensAndKnowsItsPeer) {
    const test::TemporaryDirectory dir;
    const auto path = (dir.path() / "socket").string();
    const auto listener = listen_unix(path, SOCK_SEQPACKET, 0600).value();
    const auto client = connect_unix(path, SOCK_SEQPACKET, std::chrono::seconds(1)).value();
    const UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(server);
    const auto peer = read_peer(server.get()).value();
    EXPECT_EQ(peer.pid, ::getpid());
    EXPECT_EQ(peer.uid, ::getuid());
    EXPECT_TRUE(peer.pidfd);
}

TEST(Notify, SendsToTheSocketAndWaitsForTheBarrier) {
    const test::TemporaryDirectory dir;
    const auto path = (dir.path() / "notify").string();
    const UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    struct {
        sa_family_t family = AF_UNIX;
        char name[108] = {};
    } address;
    std::strcpy(address.name, path.c_str());
    ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    EXPECT_TRUE(notify("READY=1"));
    std::byte buffer[64];
    EXPECT_EQ(receive_with_fds(manager.get(), buffer).value().size, 7U);
    EXPECT_EQ(notify_barrier(std::chrono::milliseconds(20)).error().code, Errc::timeout);
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_TRUE(notify("READY=1"));
}

}  // namespace
}  // namespace xctl::kernel
