// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/shares.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "daemon/container/root_changes.hpp"
#include "daemon/run/mount_ids.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::container {
namespace {

using Words = std::vector<std::string>;

TEST(Binds, HaveASourceADestinationAndOptions) {
    const auto plain = definition::parse_bind("/srv/web:/var/www");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->source, "/srv/web");
    EXPECT_EQ(plain->destination, "/var/www");
    EXPECT_EQ(plain->options, Words{"rbind"});
    EXPECT_EQ(definition::parse_bind("/a:/b:ro,noexec")->options, (Words{"ro", "noexec", "rbind"}));
    EXPECT_EQ(definition::parse_bind("/a:/b:bind,ro")->options, (Words{"bind", "ro"}));
    EXPECT_EQ(definition::parse_bind("/:/host")->source, "/");
}

TEST(Binds, AreRefusedOtherwise) {
    for (const auto* text : {"", "/a", "/a:", ":/b", "a:/b", "/a:b", "/a:/", "/a:/../.", "/a:/b:", "/a:/b:ro,",
                             "/a:/b:ro:rw", "/a:/b:nosuch", "/a:/b:sync"})
        EXPECT_FALSE(definition::parse_bind(text)) << text;
}

TEST(DeviceShares, HaveAPathInsideAndAnAccess) {
    const auto plain = definition::parse_device_share("/dev/fuse");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->destination, "/dev/fuse");
    EXPECT_EQ(plain->access, "rwm");
    const auto other = definition::parse_device_share("/dev/sda:/dev/disk:r");
    ASSERT_TRUE(other);
    EXPECT_EQ(other->path, "/dev/sda");
    EXPECT_EQ(other->destination, "/dev/disk");
    EXPECT_EQ(other->access, "r");
}

TEST(DeviceShares, AreRefusedOtherwise) {
    for (const auto* text :
         {"", "dev/fuse", "/dev/a:", "/dev/a:b", "/dev/a:/dev/b:", "/dev/a:/dev/b:x", "/dev/a:/dev/b:r:w", "/"})
        EXPECT_FALSE(definition::parse_device_share(text)) << text;
}

plan::Mount bind_at(std::string target, std::string source) {
    plan::Mount mount{};
    mount.kind = plan::MountKind::bind;
    mount.source = std::move(source);
    mount.target = std::move(target);
    return mount;
}

TEST(RootChange, IsTheDifference) {
    definition::Definition before, now;
    before.binds = {"/one:/1", "/two:/2", "/three:/3"};
    now.binds = {"/two:/2", "/other/:/x/../1"};
    plan::LaunchPlan after;
    after.root.path = "/srv/rootfs";
    after.root.mounts = {bind_at("/1", "/of/config.json"), bind_at("/2", "/two"), bind_at("/1", "/other")};
    const launch::MountIds mounted{{"/1", 11}, {"/2", 12}, {"/3", 13}};
    const auto change = root_change({before, {}, now, after}, mounted).value();
    EXPECT_EQ(change.gone_mounts, (launch::MountIds{{"/1", 11}, {"/3", 13}}));
    ASSERT_EQ(change.mounts.size(), 1U);
    EXPECT_EQ(change.mounts.front().source, "/other");
    EXPECT_EQ(change.root, "/srv/rootfs");
    EXPECT_TRUE(root_change({now, {}, now, after}, mounted).value().empty());
}

TEST(RootChange, TakesNothingAwayOfWhichTheMountIsNotKnown) {
    definition::Definition before, now;
    before.binds = {"/one:/1"};
    const auto refused = root_change({before, {}, now, {}}, {{"/2", 12}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "/binds: /1: xctld does not know which mount of the container this is; restart the container instead");
    before.binds = {"/one:/1:copy-symlink"};
    EXPECT_TRUE(root_change({before, {}, now, {}}, {}).value().empty()) << "a link is no mount";
}

plan::Device device_at(std::string path) {
    plan::Device device{};
    device.path = std::move(path);
    device.major = 7;
    return device;
}

TEST(RootChange, ShowsTheHostsNodeInAUserNamespace) {
    definition::Definition before, now;
    now.devices = {"/dev/fuse:/dev/x"};
    plan::LaunchPlan after;
    after.root.devices = {device_at("/dev/x")};
    EXPECT_EQ(root_change({before, {}, now, after}, {}).value().devices.size(), 1U);
    after.namespaces = {{plan::NamespaceKind::user, ""}};
    const auto change = root_change({before, {}, now, after}, {}).value();
    EXPECT_TRUE(change.devices.empty());
    ASSERT_EQ(change.mounts.size(), 1U);
    EXPECT_EQ(change.mounts.front().source, "/dev/fuse");
    EXPECT_EQ(change.mounts.front().target, "/dev/x");
}

TEST(RootChange, ADeviceGoesByItsNumbersOrItsMount) {
    definition::Definition before, now;
    before.devices = {"/dev/fuse:/dev/x"};
    plan::LaunchPlan plan_before, after;
    plan_before.root.devices = {device_at("/dev/x")};
    const auto node = root_change({before, plan_before, now, after}, {}).value();
    ASSERT_EQ(node.gone_nodes.size(), 1U);
    EXPECT_EQ(node.gone_nodes.front().device.major, 7U);
    EXPECT_FALSE(node.gone_nodes.front().mount);
    const auto mount = root_change({before, plan_before, now, after}, {{"/dev/x", 5}}).value();
    EXPECT_EQ(mount.gone_nodes.front().mount, 5U);
    after.namespaces = {{plan::NamespaceKind::user, ""}};
    EXPECT_FALSE(root_change({before, plan_before, now, after}, {}));
}

TEST(MountIds, AreThereForTheNextDaemon) {
    const test::TemporaryDirectory directory;
    const UniqueFd run(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    EXPECT_TRUE(run::load_mount_ids(run.get()).empty());
    const launch::MountIds ids{{"/a b\nc", 1}, {"/d", UINT64_MAX}};
    ASSERT_TRUE(run::save_mount_ids(run.get(), ids));
    EXPECT_EQ(run::load_mount_ids(run.get()), ids);
    launch::RootChange change;
    change.gone_mounts = {{"/d", UINT64_MAX}};
    ASSERT_TRUE(run::change_mount_ids(run.get(), change, {{"/e", 3}}));
    EXPECT_EQ(run::load_mount_ids(run.get()), (launch::MountIds{{"/a b\nc", 1}, {"/e", 3}}));
    ASSERT_TRUE(run::save_mount_ids(run.get(), {}));
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace xctl::container
