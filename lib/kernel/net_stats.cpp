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

NetInterface to_interface(const ifinfomsg& info, std::string_view attributes) {
    NetInterface out;
    out.index = info.ifi_index;
    out.up = (info.ifi_flags & IFF_UP) != 0;
    for_each_attribute(attributes, [&](std::uint16_t type, std::string_view value) {
        if (type == IFLA_IFNAME) out.name = value.substr(0, value.find('\0'));
        if (type != IFLA_STATS64) return;
        rtnl_link_stats64 stats{};
        std::memcpy(&stats, value.data(), std::min(sizeof stats, value.size()));
        out.received = {stats.rx_bytes, stats.rx_packets, stats.rx_errors, stats.rx_dropped};
        out.sent = {stats.tx_bytes, stats.tx_packets, stats.tx_errors, stats.tx_dropped};
    });
    return out;
}

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

template <class Header, class Take>
netlink::Visitor visitor(std::uint16_t wanted, Take take) {
    return [wanted, take](std::uint16_t type, std::string_view payload) {
        Header header{};
        if (type != wanted || payload.size() < sizeof header) return;
        std::memcpy(&header, payload.data(), sizeof header);
        take(header, payload.substr(std::min<std::size_t>(NLMSG_ALIGN(sizeof header), payload.size())));
    };
}

}  // namespace

Result<std::vector<NetInterface>> read_interfaces(int net_namespace) {
    auto socket = TRY(netlink::Socket::open_inside(net_namespace));
    std::vector<NetInterface> out;
    TRY(socket.dump(Request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}), "list of interfaces",
                    visitor<ifinfomsg>(RTM_NEWLINK, [&](const ifinfomsg& info, std::string_view attributes) {
                        out.push_back(to_interface(info, attributes));
                    })));
    TRY(socket.dump(Request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}), "list of addresses",
                    visitor<ifaddrmsg>(RTM_NEWADDR, [&](const ifaddrmsg& header, std::string_view attributes) {
                        const auto owner =
                            std::ranges::find(out, static_cast<int>(header.ifa_index), &NetInterface::index);
                        if (owner == out.end()) return;
                        if (auto text = address_text(header, attributes); !text.empty())
                            owner->addresses.push_back(std::move(text));
                    })));
    return out;
}

}  // namespace xctl::kernel
