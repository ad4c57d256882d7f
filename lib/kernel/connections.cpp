// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/connections.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/kernel/netlink.hpp"

namespace xctl::kernel {
namespace {

/// Of TCP: the other side may still send, or wait for what we send.
constexpr std::uint32_t kOpen = 1U << TCP_ESTABLISHED | 1U << TCP_SYN_RECV | 1U << TCP_CLOSE_WAIT | 1U << TCP_FIN_WAIT1;
constexpr std::size_t kV4 = 4, kV6 = 16;
/// How an IPv4 address looks to a socket of IPv6.
constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

/// An IPv6 socket without an address takes IPv4, too.
bool is_to(const inet_diag_msg& message, const std::string& address) {
    if (address.empty()) return true;
    const std::string_view own(reinterpret_cast<const char*>(message.id.idiag_src),
                               message.idiag_family == AF_INET ? kV4 : kV6);
    return own == address || (own.size() == kV6 && own.starts_with(kMapped) && own.substr(kMapped.size()) == address);
}

Result<std::uint64_t> count_tcp(std::uint8_t family, const std::string& address, std::uint16_t port) {
    inet_diag_req_v2 ask{};
    ask.sdiag_family = family;
    ask.sdiag_protocol = IPPROTO_TCP;
    ask.idiag_states = kOpen;
    ask.id.idiag_sport = htons(port);
    auto socket = TRY(netlink::Socket::open(NETLINK_SOCK_DIAG));
    std::uint64_t count = 0;
    const auto visit = [&](std::uint16_t, std::string_view payload) {
        if (is_tcp_connection(payload, address, port)) ++count;
    };
    TRY(socket.dump(netlink::Request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, ask), "list TCP connections", visit));
    return count;
}

}  // namespace

bool is_tcp_connection(std::string_view payload, const std::string& address, std::uint16_t port) {
    const auto message = netlink::header_of<inet_diag_msg>(payload);
    return message && message->id.idiag_sport == htons(port) && is_to(*message, address);
}

std::uint64_t unix_connections_in(std::string_view payload, const std::string& name) {
    const auto message = netlink::header_of<unix_diag_msg>(payload);
    if (!message) return 0;
    bool named = false;
    unix_diag_rqlen queue{};
    netlink::for_each_attribute(
        netlink::attributes_behind<unix_diag_msg>(payload), [&](std::uint16_t type, std::string_view value) {
            if (type == UNIX_DIAG_NAME) named = value == name || value == name + '\0';
            if (type == UNIX_DIAG_RQLEN) queue = netlink::header_of<unix_diag_rqlen>(value).value_or(queue);
        });
    if (!named) return 0;
    // Whom nobody has accepted yet has no socket that is listed; the listening one says how many there are.
    return message->udiag_state == TCP_LISTEN ? queue.udiag_rqueue : 1;
}

Result<std::uint64_t> count_unix_connections(const std::string& name) {
    unix_diag_req ask{};
    ask.sdiag_family = AF_UNIX;
    ask.udiag_states = 1U << TCP_ESTABLISHED | 1U << TCP_LISTEN;
    ask.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN;
    auto socket = TRY(netlink::Socket::open(NETLINK_SOCK_DIAG));
    std::uint64_t count = 0;
    const auto visit = [&](std::uint16_t, std::string_view payload) { count += unix_connections_in(payload, name); };
    TRY(socket.dump(netlink::Request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, ask), "list Unix connections", visit));
    return count;
}

Result<std::uint64_t> count_tcp_connections(const std::string& address, std::uint16_t port) {
    const auto v4 = address.size() == kV6 ? 0 : TRY(count_tcp(AF_INET, address, port));
    return v4 + TRY(count_tcp(AF_INET6, address, port));
}

}  // namespace xctl::kernel
