// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/plan/codec.hpp"

#include <gtest/gtest.h>

#include <random>

namespace xctl::plan {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Every member differs from its default, so that one left out shows.
LaunchPlan full_plan() {
    LaunchPlan plan;
    plan.id = "box";
    plan.namespaces = {{NamespaceKind::time, ""}, {NamespaceKind::network, "/run/netns/x"}};
    plan.uid_map = {{1, 2, 3}};
    plan.gid_map = {{4, 5, 6}, {7, 8, 9}};
    plan.time_offsets = {{true, -5, 6}};
    plan.hostname = "h";
    plan.domainname = "d";
    plan.sysctls = {{"net/a", "1", "/linux/sysctl/net.a"}};
    plan.root = {.path = "/r",
                 .read_only = true,
                 .propagation = 1,
                 .mounts = {},
                 .devices = {{"/d", 1, 2, 3, 4, 5}},
                 .links = {{"/l", "t"}},
                 .masked_paths = {"/m"},
                 .read_only_paths = {"/o", ""},
                 .mount_label = "m"};
    plan.root.mounts.push_back({.kind = MountKind::cgroup,
                                .fstype = "f",
                                .source = "s",
                                .target = "/t",
                                .recursive = true,
                                .attr_set = 1,
                                .attr_clear = 2,
                                .rec_attr_set = 3,
                                .rec_attr_clear = 4,
                                .propagation = 5,
                                .recursive_propagation = true,
                                .source_link = true,
                                .copy_link = true,
                                .target_link = true,
                                .copy_up = true,
                                .parameters = {{"k", "v"}, {"flag", std::nullopt}},
                                .uid_map = {{1, 1, 1}},
                                .gid_map = {{2, 2, 2}}});
    plan.cgroup = {{{"memory.max", "1", "/p", Presence::preferred}}, {"memory"}, {1, 2, UINT64_MAX}, 5, 7};
    plan.process = {.terminal = true,
                    .rows = 24,
                    .columns = 80,
                    .args = {"a", "b"},
                    .env = {"A=1"},
                    .cwd = "/c",
                    .uid = 1,
                    .gid = 2,
                    .groups = {3, 4},
                    .keep_groups = true,
                    .umask = 022,
                    .rlimits = {{7, 1, 2}},
                    .capabilities = Capabilities{1, 2, 3, 4, 5},
                    .no_new_privileges = true,
                    .oom_score_adj = -1,
                    .seccomp = {{1, 2, 3}, 4, "/l", true, {"a", "b"}},
                    .apparmor_profile = "p",
                    .selinux_label = "l",
                    .scheduler = Scheduler{1, 2, -3, 4, 5, 6, 7},
                    .io_priority = 8,
                    .memory_policy = MemoryPolicy{9, {10}},
                    .personality = 11,
                    .first_cpus = {12},
                    .cpus = {13}};
    plan.enters = true;
    plan.net_devices = {{"eth9", "eth0"}};
    plan.rdt = IntelRdt{"c", "L3:0=f", "MB:0=50", {"L2:0=1"}, true};
    return plan;
}

TEST(Codec, KeepsEveryMember) {
    const auto bytes = encode(full_plan());
    const auto plan = decode(bytes_of(bytes)).value();
    EXPECT_EQ(encode(plan), bytes);
    EXPECT_EQ(plan.root.mounts.at(0).parameters.at(0).value, "v");
    EXPECT_EQ(plan.root.mounts.at(0).parameters.at(1).value, std::nullopt);
    EXPECT_EQ(plan.time_offsets.at(0).seconds, -5);
    EXPECT_EQ(plan.process.capabilities->ambient, 5U);
    EXPECT_EQ(plan.process.seccomp.filter.size(), 3U);
    EXPECT_EQ(plan.process.umask, 022U);
    EXPECT_EQ(plan.net_devices.at(0).new_name, "eth0");
    EXPECT_TRUE(plan.rdt->monitoring);
    EXPECT_EQ(plan.process.scheduler->period, 7U);
    EXPECT_EQ(plan.process.memory_policy->nodes.at(0), 10U);
    EXPECT_EQ(plan.process.cpus.at(0), 13U);
    EXPECT_EQ(plan.cgroup.device_program.back(), UINT64_MAX);
}

TEST(Codec, RefusesEveryTruncation) {
    const auto bytes = encode(full_plan());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto result = decode(bytes_of(bytes.substr(0, size)));
        ASSERT_FALSE(result) << size;
        EXPECT_EQ(result.error().code, Errc::invalid_document);
    }
}

TEST(Codec, RefusesTrailingBytesOtherVersionsAndOtherFiles) {
    auto bytes = encode(full_plan());
    EXPECT_EQ(decode(bytes_of(bytes + '\0')).error().message, "launch plan: followed by other bytes");
    bytes[8] = 99;
    EXPECT_EQ(decode(bytes_of(bytes)).error().message, "launch plan: version 99, not 5");
    bytes[0] = 'y';
    EXPECT_EQ(decode(bytes_of(bytes)).error().message, "launch plan: not a launch plan");
}

// A length of four billion must not be believed.
TEST(Codec, AllocatesNoMoreThanItReads) {
    const auto bytes = encode(LaunchPlan{});
    for (std::size_t at = 12; at + 4 <= bytes.size(); ++at) {
        auto changed = bytes;
        changed.replace(at, 4, "\xff\xff\xff\xff");
        (void)decode(bytes_of(changed));
    }
}

TEST(Codec, SurvivesRandomDamage) {
    const auto bytes = encode(full_plan());
    std::minstd_rand random(42);  // NOLINT: the same damage in every run
    for (int i = 0; i < 20'000; ++i) {
        auto changed = bytes;
        for (int n = 0; n < 3; ++n) changed[12 + random() % (changed.size() - 12)] = static_cast<char>(random());
        const auto plan = decode(bytes_of(changed));
        if (plan) {
            EXPECT_EQ(encode(*plan).size(), changed.size());
        }
    }
}

}  // namespace
}  // namespace xctl::plan
