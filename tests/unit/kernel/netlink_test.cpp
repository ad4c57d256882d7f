// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/netlink.hpp"

#include <gtest/gtest.h>
#include <linux/if_link.h>

#include "lib/kernel/net_stats.hpp"

namespace xctl::kernel {
namespace {

std::string message(std::uint16_t type, std::string_view payload) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(payload.size()));
    header.nlmsg_type = type;
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes += payload;
    bytes.resize(NLMSG_ALIGN(bytes.size()));
    return bytes;
}

std::string number(int value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

std::optional<int> take(const std::string& bytes) {
    return netlink::take_messages(bytes, [](std::uint16_t, std::string_view) {});
}

TEST(Netlink, TheLastWordIsAnErrno) {
    EXPECT_EQ(take(message(NLMSG_ERROR, number(0))), 0);
    EXPECT_EQ(take(message(NLMSG_ERROR, number(-EEXIST))), EEXIST);
    EXPECT_EQ(take(message(NLMSG_DONE, "")), 0);
    EXPECT_EQ(take(message(NLMSG_DONE, number(0))), 0);
    EXPECT_EQ(take(message(NLMSG_DONE, number(-EINTR))), EINTR) << "a dump that failed on its way";
    EXPECT_EQ(take(message(RTM_NEWLINK, "")), std::nullopt);
}

TEST(Netlink, NonsenseIsAnError) {
    EXPECT_EQ(take(message(NLMSG_ERROR, "")), EPROTO) << "no acknowledgement";
    EXPECT_EQ(take(message(NLMSG_ERROR, number(5))), EPROTO);
    EXPECT_EQ(take(message(NLMSG_ERROR, number(std::numeric_limits<int>::min()))), EPROTO);
    auto cut = message(RTM_NEWLINK, "0123456789abcdef");
    cut.resize(cut.size() - 4);
    EXPECT_EQ(take(cut), EPROTO);
}

TEST(Netlink, ANameMayLackItsNul) {
    ifinfomsg info{};
    info.ifi_index = 7;
    std::string payload(reinterpret_cast<const char*>(&info), sizeof info);
    rtattr attribute{};
    attribute.rta_type = IFLA_IFNAME;
    attribute.rta_len = RTA_LENGTH(4);
    payload.append(reinterpret_cast<const char*>(&attribute), sizeof attribute).append("eth0");
    const auto interface = parse_interface(RTM_NEWLINK, payload).value();
    EXPECT_EQ(interface.index, 7);
    EXPECT_EQ(interface.name, "eth0");
    EXPECT_FALSE(parse_interface(RTM_NEWADDR, payload));
    EXPECT_FALSE(parse_interface(RTM_NEWLINK, "short"));
}

}  // namespace
}  // namespace xctl::kernel
