// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a datagram of netlink(7) with answers of rtnetlink(7) and sock_diag(7). Messages and attributes lie in the
// datagram, one behind the other. An error is an errno, and success is said in so many bytes. A name has no NUL, an
// address that is shown is one, and one that would be given to an interface again makes a request with all of it.
#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kernel/connections.hpp"
#include "lib/kernel/net_device.hpp"
#include "lib/kernel/net_stats.hpp"
#include "lib/kernel/netlink.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using namespace xctl::kernel;
using fuzz::expect;

bool lies_in(std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void try_attributes(std::string_view payload) {
    std::size_t total = 0;
    netlink::for_each_attribute(payload, [&](std::uint16_t, std::string_view value) {
        expect(lies_in(value, payload));
        total += sizeof(rtattr) + value.size();
    });
    expect(total <= payload.size());
}

void expect_address(const std::string& text) {
    const auto slash = text.find('/');
    expect(slash != std::string::npos);
    in6_addr address{};
    const auto host = text.substr(0, slash);
    expect(::inet_pton(host.contains(':') ? AF_INET6 : AF_INET, host.c_str(), &address) == 1);
}

void try_lasting_address(std::uint16_t type, std::string_view payload) {
    const auto header = netlink::header_of<ifaddrmsg>(payload);
    const auto lasting = parse_lasting_address(type, payload, header ? static_cast<int>(header->ifa_index) : 1);
    if (!lasting) return;
    netlink::Request request(RTM_NEWADDR, NLM_F_ACK, lasting->header);
    std::size_t given = 0;
    for (const auto& [kind, value] : lasting->attributes) {
        request.attribute(kind, value);
        ++given;
    }
    const auto& bytes = request.bytes();
    std::size_t found = 0;
    const auto end = netlink::take_messages(bytes, [&](std::uint16_t, std::string_view asked) {
        netlink::for_each_attribute(netlink::attributes_behind<ifaddrmsg>(asked),
                                    [&](std::uint16_t, std::string_view) { ++found; });
    });
    expect(!end && found == given);
}

void try_payload(std::uint16_t type, std::string_view payload) {
    if (const auto interface = parse_interface(type, payload)) expect(!interface->name.contains('\0'));
    if (const auto address = parse_interface_address(type, payload)) expect_address(address->text);
    try_lasting_address(type, payload);
    const auto waiting = unix_connections_in(payload, "/run/x");
    expect(waiting == 0 || payload.contains("/run/x"));
    const std::string four("\x7f\0\0\1", 4), six(16, '\1');
    const bool tcp = is_tcp_connection(payload, "", 80);
    for (const auto& address : {four, six}) expect(!is_tcp_connection(payload, address, 80) || tcp);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view datagram(reinterpret_cast<const char*>(data), size);
    const char* behind = datagram.data();
    const auto error = netlink::take_messages(datagram, [&](std::uint16_t type, std::string_view payload) {
        expect(lies_in(payload, datagram) && payload.data() >= behind + sizeof(nlmsghdr));
        behind = payload.data() + payload.size();
        try_attributes(payload);
        try_payload(type, payload);
    });
    expect(!error || (*error >= 0 && *error <= 4095));
    // An attribute may stand at the very end.
    for (const std::uint16_t type : std::array<std::uint16_t, 2>{RTM_NEWLINK, RTM_NEWADDR}) try_payload(type, datagram);
    return 0;
}
