// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/shares.hpp"

#include <gtest/gtest.h>

#include "daemon/root_changes.hpp"

namespace xctl {
namespace {

using Words = std::vector<std::string>;

TEST(Binds, HaveASourceADestinationAndOptions) {
    const auto plain = parse_bind("/srv/web:/var/www");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->source, "/srv/web");
    EXPECT_EQ(plain->destination, "/var/www");
    EXPECT_EQ(plain->options, Words{"rbind"});
    EXPECT_EQ(parse_bind("/a:/b:ro,noexec")->options, (Words{"ro", "noexec", "rbind"}));
    EXPECT_EQ(parse_bind("/a:/b:bind,ro")->options, (Words{"bind", "ro"}));
    EXPECT_EQ(parse_bind("/:/host")->source, "/");
}

TEST(Binds, AreRefusedOtherwise) {
    for (const auto* text : {"", "/a", "/a:", ":/b", "a:/b", "/a:b", "/a:/", "/a:/../.", "/a:/b:", "/a:/b:ro,",
                             "/a:/b:ro:rw", "/a:/b:nosuch", "/a:/b:sync"})
        EXPECT_FALSE(parse_bind(text)) << text;
}

TEST(DeviceShares, HaveAPathInsideAndAnAccess) {
    const auto plain = parse_device_share("/dev/fuse");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->destination, "/dev/fuse");
    EXPECT_EQ(plain->access, "rwm");
    const auto other = parse_device_share("/dev/sda:/dev/disk:r");
    ASSERT_TRUE(other);
    EXPECT_EQ(other->path, "/dev/sda");
    EXPECT_EQ(other->destination, "/dev/disk");
    EXPECT_EQ(other->access, "r");
}

TEST(DeviceShares, AreRefusedOtherwise) {
    for (const auto* text :
         {"", "dev/fuse", "/dev/a:", "/dev/a:b", "/dev/a:/dev/b:", "/dev/a:/dev/b:x", "/dev/a:/dev/b:r:w", "/"})
        EXPECT_FALSE(parse_device_share(text)) << text;
}

plan::Mount bind_at(std::string target, std::string source) {
    plan::Mount mount{};
    mount.kind = plan::MountKind::bind;
    mount.source = std::move(source);
    mount.target = std::move(target);
    return mount;
}

TEST(RootChange, IsTheDifference) {
    Definition before, now;
    before.binds = {"/one:/1", "/two:/2", "/three:/3"};
    now.binds = {"/two:/2", "/other/:/x/../1"};
    plan::LaunchPlan after;
    after.root.mounts = {bind_at("/1", "/of/config.json"), bind_at("/2", "/two"), bind_at("/1", "/other")};
    const auto change = root_change(before, now, after);
    EXPECT_EQ(change.gone_mounts, (Words{"/3", "/1"})) << "the last first";
    ASSERT_EQ(change.mounts.size(), 1U);
    EXPECT_EQ(change.mounts.front().source, "/other");
    EXPECT_TRUE(root_change(now, now, after).empty());
}

TEST(RootChange, ShowsTheHostsNodeInAUserNamespace) {
    Definition before, now;
    now.devices = {"/dev/fuse:/dev/x"};
    plan::LaunchPlan after;
    plan::Device device{};
    device.path = "/dev/x";
    after.root.devices = {device};
    EXPECT_EQ(root_change(before, now, after).devices.size(), 1U);
    after.namespaces = {{plan::NamespaceKind::user, ""}};
    const auto change = root_change(before, now, after);
    EXPECT_TRUE(change.devices.empty());
    ASSERT_EQ(change.mounts.size(), 1U);
    EXPECT_EQ(change.mounts.front().source, "/dev/fuse");
    EXPECT_EQ(change.mounts.front().target, "/dev/x");
    EXPECT_EQ(root_change(now, before, after).gone_nodes, Words{"/dev/x"});
}

}  // namespace
}  // namespace xctl
