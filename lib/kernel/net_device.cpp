// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/net_device.hpp"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "lib/base/unique_fd.hpp"
#include "lib/kernel/namespaces.hpp"
#include "lib/kernel/net_stats.hpp"
#include "lib/kernel/netlink.hpp"

namespace xctl::kernel {
namespace {

constexpr const char* kOwnNamespace = "/proc/self/ns/net";
constexpr std::array<std::uint16_t, 3> kAddressAttributes{IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST};

using netlink::for_each_attribute;
using netlink::Request;
using Netlink = netlink::Socket;

Result<std::vector<NetInterface>> list_links(Netlink& netlink) {
    std::vector<NetInterface> links;
    TRY(netlink.dump(Request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}), "list of interfaces",
                     [&](std::uint16_t type, std::string_view payload) {
                         if (auto link = parse_interface(type, payload)) links.push_back(std::move(*link));
                     }));
    return links;
}

Result<std::vector<LastingAddress>> list_addresses(Netlink& netlink, int index) {
    std::vector<LastingAddress> addresses;
    TRY(netlink.dump(Request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}), "list of addresses",
                     [&](std::uint16_t type, std::string_view payload) {
                         if (auto address = parse_lasting_address(type, payload, index))
                             addresses.push_back(std::move(*address));
                     }));
    return addresses;
}

ifinfomsg link_header(int index) {
    ifinfomsg header{};
    header.ifi_index = index;
    return header;
}

Result<> move_link(Netlink& netlink, int index, int net_namespace, const std::string& name) {
    Request request(RTM_NEWLINK, NLM_F_ACK, link_header(index));
    request.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(net_namespace));
    // With the null at its end, as the kernel's own names have it.
    request.attribute(IFLA_IFNAME, {name.c_str(), name.size() + 1});
    return netlink.ask(std::move(request), "move");
}

Result<> add_address(Netlink& netlink, int index, const LastingAddress& address) {
    auto header = address.header;
    header.ifa_index = static_cast<std::uint32_t>(index);
    header.ifa_flags = 0;
    Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, header);
    for (const auto& [type, value] : address.attributes) request.attribute(type, value);
    return netlink.ask(std::move(request), "add an address");
}

Result<> raise_link(Netlink& netlink, int index) {
    auto header = link_header(index);
    header.ifi_flags = IFF_UP;
    header.ifi_change = IFF_UP;
    return netlink.ask(Request(RTM_NEWLINK, NLM_F_ACK, header), "raise");
}

Result<> settle(Netlink& inside, int index, const std::vector<LastingAddress>& addresses) {
    for (const auto& address : addresses) TRY(add_address(inside, index, address));
    return raise_link(inside, index);
}

bool is_same_file(int a, int b) {
    struct stat first{}, second{};
    return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

}  // namespace

std::optional<LastingAddress> parse_lasting_address(std::uint16_t type, std::string_view payload, int index) {
    const auto header = netlink::header_of<ifaddrmsg>(payload);
    if (type != RTM_NEWADDR || !header) return std::nullopt;
    LastingAddress address{*header, {}};
    std::uint32_t flags = header->ifa_flags;
    for_each_attribute(netlink::attributes_behind<ifaddrmsg>(payload), [&](std::uint16_t kind, std::string_view value) {
        if (kind == IFA_FLAGS && value.size() == sizeof flags) std::memcpy(&flags, value.data(), sizeof flags);
        if (std::ranges::contains(kAddressAttributes, kind)) address.attributes.emplace_back(kind, value);
    });
    const bool wanted = static_cast<int>(header->ifa_index) == index && (flags & IFA_F_PERMANENT) != 0 &&
                        header->ifa_scope == RT_SCOPE_UNIVERSE;
    return wanted ? std::optional(std::move(address)) : std::nullopt;
}

Result<> move_net_device(const std::string& name, int net_namespace, const std::string& new_name) {
    const auto own = TRY(open_namespace(kOwnNamespace, CLONE_NEWNET));
    if (is_same_file(own.get(), net_namespace)) return fail_errno(EINVAL, "the network namespace is the host's own");
    auto outside = TRY(Netlink::open());
    const auto links = TRY(list_links(outside));
    const auto link = std::ranges::find(links, name, &NetInterface::name);
    if (link == links.end()) return fail_errno(ENODEV, "interface " + name);
    const auto addresses = TRY(list_addresses(outside, link->index));
    auto inside = TRY(Netlink::open_inside(net_namespace));
    const auto before = TRY(list_links(inside));
    if (std::ranges::contains(before, new_name, &NetInterface::name)) return fail_errno(EEXIST, "interface " + new_name);
    TRY(move_link(outside, link->index, net_namespace, new_name));
    // It may have got another number on the way.
    const auto after = TRY(list_links(inside));
    const auto moved = std::ranges::find_if(
        after, [&](const NetInterface& row) { return !std::ranges::contains(before, row.index, &NetInterface::index); });
    if (moved == after.end()) return fail_errno(ENODEV, "interface " + new_name);
    auto settled = settle(inside, moved->index, addresses);
    if (!settled) static_cast<void>(move_link(inside, moved->index, own.get(), name));
    return settled;
}

}  // namespace xctl::kernel
