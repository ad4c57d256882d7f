// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/service_protocol.hpp"

#include <cstring>

#include "lib/kernel/socket.hpp"

namespace xctl::launch {
namespace {

/// The fixed part of a packet; the text follows it.
struct Header {
    std::uint8_t kind = 0;
    std::uint8_t parent = 0;
    std::uint8_t terminal = 0;
    std::uint8_t ready_later = 0;
    std::int32_t pid = 0;
    std::int32_t error = 0;
};
static_assert(sizeof(Header) == 12);

constexpr auto kLastKind = static_cast<std::uint8_t>(ServiceKind::verdict);
constexpr auto kLastParent = static_cast<std::uint8_t>(Parent::keeper);

bool is_valid(const Header& header) {
    return header.kind <= kLastKind && header.parent <= kLastParent && header.terminal <= 1 && header.ready_later <= 1;
}

}  // namespace

std::vector<std::byte> encode_service(const ServiceMessage& message) {
    const Header header{.kind = static_cast<std::uint8_t>(message.kind),
                        .parent = static_cast<std::uint8_t>(message.parent),
                        .terminal = message.terminal ? std::uint8_t{1} : std::uint8_t{0},
                        .ready_later = message.ready_later ? std::uint8_t{1} : std::uint8_t{0},
                        .pid = message.pid,
                        .error = message.error};
    const auto text = std::string_view(message.text).substr(0, kMaxText);
    std::vector<std::byte> packet(sizeof header + text.size());
    std::memcpy(packet.data(), &header, sizeof header);
    std::memcpy(packet.data() + sizeof header, text.data(), text.size());
    return packet;
}

Result<ServiceMessage> parse_service(std::span<const std::byte> packet) {
    Header header;
    if (packet.size() < sizeof header) return fail(Errc::invalid_document, "a service message is too short");
    std::memcpy(&header, packet.data(), sizeof header);
    if (!is_valid(header) || packet.size() > sizeof header + kMaxText)
        return fail(Errc::invalid_document, "a service message is malformed");
    const auto text = packet.subspan(sizeof header);
    return ServiceMessage{.kind = static_cast<ServiceKind>(header.kind),
                          .parent = static_cast<Parent>(header.parent),
                          .terminal = header.terminal != 0,
                          .ready_later = header.ready_later != 0,
                          .pid = header.pid,
                          .error = header.error,
                          .text = std::string(reinterpret_cast<const char*>(text.data()), text.size())};
}

Result<> send_service(int socket, const ServiceMessage& message, std::span<const int> fds) {
    return kernel::send_with_fds(socket, encode_service(message), fds);
}

Result<ReceivedService> receive_service(int socket) {
    std::byte buffer[sizeof(Header) + kMaxText];
    auto packet = TRY(kernel::receive_with_fds(socket, buffer));
    if (packet.size == 0) return fail(Errc::cancelled, "the other end closed the connection");
    ReceivedService received;
    received.message = TRY(parse_service(std::span(buffer).first(packet.size)));
    if (packet.fds.size() > std::size(received.fds))
        return fail(Errc::invalid_document, "a service message has too many descriptors");
    for (auto& fd : packet.fds) received.fds[received.fd_count++] = std::move(fd);
    return received;
}

}  // namespace xctl::launch
