// SPDX-License-Identifier: LGPL-2.1-or-later
// Interfaces that move into a container, from a network namespace of the test's own.
#include <fcntl.h>
#include <sched.h>

#include <cstdlib>

#include "lib/kernel/namespaces.hpp"
#include "tests/unit/launch/fixture.hpp"

namespace xctl::test {
namespace {

bool ip(const std::string& words) { return std::system(("ip " + words + " >/dev/null 2>&1").c_str()) == 0; }

class LaunchNetDevice : public Launch {
protected:
    void SetUp() override {
        Launch::SetUp();
        if (IsSkipped()) return;
        host_ = kernel::open_namespace("/proc/self/ns/net", CLONE_NEWNET).value();
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        if (!ip("link add test0 type veth peer name test1")) GTEST_SKIP() << "no interface can be made here";
        ASSERT_TRUE(ip("addr add 192.0.2.7/24 broadcast + dev test0") && ip("link set test0 mtu 1234 up"));
        has_ipv6_ = ip("addr add 2001:db8::7/64 nodad dev test0");
    }
    void TearDown() override {
        if (!host_) return;
        EXPECT_TRUE(kernel::join_namespace(host_.get(), CLONE_NEWNET));
    }
    BusyboxRoot root_;
    UniqueFd host_;
    bool has_ipv6_ = false;
};

TEST_F(LaunchNetDevice, KeepsItsAddressesAndIsUp) {
    auto plan = make_plan(root_, "ip addr show dev eth7");
    plan.net_devices = {{"test0", "eth7"}};
    const auto output = output_of(plan);
    for (const auto* text : {"mtu 1234", ",UP", "inet 192.0.2.7/24 brd 192.0.2.255 scope global eth7"})
        EXPECT_NE(output.find(text), std::string::npos) << text << " is not in " << output;
    EXPECT_EQ(output.contains("inet6 2001:db8::7/64 scope global"), has_ipv6_) << output;
}

TEST_F(LaunchNetDevice, TakesTheNextFreeName) {
    auto plan = make_plan(root_, "ls /sys/class/net | grep net");
    plan.net_devices = {{"test0", "net%d"}, {"test1", "net%d"}};
    EXPECT_EQ(output_of(plan), "net0\nnet1\n");
}

TEST_F(LaunchNetDevice, RefusesANameThatIsTaken) {
    auto plan = make_plan(root_, "true");
    plan.net_devices = {{"test0", "lo"}};
    EXPECT_EQ(failure_of(plan).message, "network device test0: File exists");
    EXPECT_TRUE(ip("addr show dev test0 | grep 192.0.2.7"));
}

TEST_F(LaunchNetDevice, RefusesAnInterfaceThatIsNotThere) {
    auto plan = make_plan(root_, "true");
    plan.net_devices = {{"test9", "eth0"}};
    EXPECT_EQ(failure_of(plan).message, "network device test9: No such device");
}

TEST_F(LaunchNetDevice, RefusesTheNetworkOfTheHost) {
    auto plan = make_plan(root_, "true");
    for (auto& row : plan.namespaces)
        if (row.kind == plan::NamespaceKind::network) row.path = "/proc/self/ns/net";
    plan.net_devices = {{"test0", "eth0"}};
    EXPECT_EQ(failure_of(plan).message, "network device test0: Invalid argument");
}

TEST_F(LaunchNetDevice, GoesIntoAUserNamespacesNetwork) {
    if (const auto why = why_no_user_namespaces()) GTEST_SKIP() << *why;
    auto plan = make_plan(root_, "ip addr show dev eth0 | grep -c 192.0.2.7");
    add_user_namespace(plan, 100'000);
    plan.net_devices = {{"test0", "eth0"}};
    EXPECT_EQ(output_of(plan), "1\n");
}

}  // namespace
}  // namespace xctl::test
