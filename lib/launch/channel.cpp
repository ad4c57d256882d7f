// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <span>

#include "lib/kernel/raw.hpp"
#include "lib/kernel/rights.hpp"
#include "lib/kernel/socket.hpp"

namespace xctl::launch {
namespace {

constexpr auto kLastMessage = MessageKind::mounted;

/// One packet, or EAGAIN. Kept apart from receive_with_fds(), which waits.
Result<std::optional<Received>> take_packet(int channel) {
    Received received;
    std::array<std::byte, sizeof(MountedMessage) + 1> packet;
    iovec data{.iov_base = packet.data(), .iov_len = packet.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    kernel::raw::Rights<1> rights;
    rights.expect(header);
    ssize_t size = ::recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    // It ended without reading all that we sent. The kernel says so once, before what it had sent to us.
    if (size < 0 && errno == ECONNRESET) size = ::recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (size < 0) return fail_errno(errno, "receive from the container's init");
    if (size <= 0) return fail(Errc::cancelled, "the container's init closed its channel");
    kernel::raw::take_rights(header, [&](int fd) { received.fd.reset(fd); });
    const auto bytes = std::span<const std::byte>(packet).first(static_cast<std::size_t>(size));
    const auto parsed = TRY(parse_message(bytes));
    received.message = parsed.message;
    received.mount_id = std::uint64_t{parsed.id_high} << 32 | parsed.id_low;
    return received;
}

}  // namespace

Result<MountedMessage> parse_message(std::span<const std::byte> packet) {
    MountedMessage parsed;
    const bool mounted = !packet.empty() && static_cast<MessageKind>(packet[0]) == MessageKind::mounted;
    const bool has_kind = packet.size() == (mounted ? sizeof parsed : sizeof parsed.message) &&
                          static_cast<MessageKind>(packet[0]) <= kLastMessage;
    if (!has_kind) return fail(Errc::invalid_document, "the container's init sent a malformed message");
    std::memcpy(&parsed, packet.data(), packet.size());
    return parsed;
}

Result<std::optional<Received>> receive(int channel) { return take_packet(channel); }

Result<> send(int channel, MessageKind kind) {
    const Message message{.kind = kind};
    return kernel::send_with_fds(channel, std::as_bytes(std::span(&message, 1)), {});
}

}  // namespace xctl::launch
