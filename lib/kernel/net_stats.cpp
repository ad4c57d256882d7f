// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/net_stats.hpp"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <algorithm>

#include "lib/kernel/netlink.hpp"

namespace xctl::kernel {
namespace {

using netlink::for_each_attribute;
using netlink::Request;

/// Of a link between two ends IFA_ADDRESS is the other's, so that IFA_LOCAL counts where there is one.
std::string address_text(const ifaddrmsg& header, std::string_view attributes) {
    std::string_view bytes;
    for_each_attribute(attributes, [&](std::uint16_t type, std::string_view value) {
        if (type == IFA_LOCAL || (type == IFA_ADDRESS && bytes.empty())) bytes = value;
    });
    const std::size_t wanted = header.ifa_family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
    char text[INET6_ADDRSTRLEN] = {};
    if (bytes.size() < wanted || ::inet_ntop(header.ifa_family, bytes.data(), text, sizeof text) == nullptr) return {};
    return std::string(text) + "/" + std::to_string(header.ifa_prefixlen);
}

}  // namespace

std::optional<NetInterface> parse_interface(std::uint16_t type, std::string_view payload) {
    const auto info = netlink::header_of<ifinfomsg>(payload);
    if (type != RTM_NEWLINK || !info) return std::nullopt;
    NetInterface out;
    out.index = info->ifi_index;
    out.up = (info->ifi_flags & IFF_UP) != 0;
    for_each_attribute(netlink::attributes_behind<ifinfomsg>(payload), [&](std::uint16_t kind, std::string_view value) {
        if (kind == IFLA_IFNAME) out.name = value.substr(0, value.find('\0'));
        if (kind != IFLA_STATS64) return;
        rtnl_link_stats64 stats{};
        std::memcpy(&stats, value.data(), std::min(sizeof stats, value.size()));
        out.received = {stats.rx_bytes, stats.rx_packets, stats.rx_errors, stats.rx_dropped};
        out.sent = {stats.tx_bytes, stats.tx_packets, stats.tx_errors, stats.tx_dropped};
    });
    return out;
}

std::optional<InterfaceAddress> parse_interface_address(std::uint16_t type, std::string_view payload) {
    const auto header = netlink::header_of<ifaddrmsg>(payload);
    if (type != RTM_NEWADDR || !header) return std::nullopt;
    auto text = address_text(*header, netlink::attributes_behind<ifaddrmsg>(payload));
    if (text.empty()) return std::nullopt;
    return InterfaceAddress{static_cast<int>(header->ifa_index), std::move(text)};
}

Result<NetInterfaces> read_interfaces(int net_namespace, NetLimits limits) {
    auto socket = TRY(netlink::Socket::open_inside(net_namespace));
    NetInterfaces out;
    auto& rows = out.rows;
    TRY(socket.dump(Request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}), "list of interfaces",
                    [&](std::uint16_t type, std::string_view payload) {
                        auto found = parse_interface(type, payload);
                        if (found && rows.size() == limits.interfaces)
                            ++out.left_out;
                        else if (found)
                            rows.push_back(std::move(*found));
                    }));
    TRY(socket.dump(Request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}), "list of addresses",
                    [&](std::uint16_t type, std::string_view payload) {
                        auto address = parse_interface_address(type, payload);
                        if (!address) return;
                        const auto owner = std::ranges::find(rows, address->interface, &NetInterface::index);
                        if (owner == rows.end()) return;
                        if (owner->addresses.size() == limits.addresses)
                            ++owner->addresses_left_out;
                        else
                            owner->addresses.push_back(std::move(address->text));
                    }));
    return out;
}

}  // namespace xctl::kernel
