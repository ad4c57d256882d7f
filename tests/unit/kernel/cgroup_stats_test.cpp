// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/cgroup_stats.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/kernel/file.hpp"
#include "lib/kernel/net_stats.hpp"
#include "lib/kernel/process_info.hpp"

namespace xctl::kernel {
namespace {

TEST(CgroupStats, CountersInOrder) {
    const auto counters = parse_counters("usage_usec 12\nmax max\nbroken x\nlone\n");
    EXPECT_EQ(counters, (Counters{{"usage_usec", 12}, {"max", UINT64_MAX}}));
    EXPECT_EQ(counter(counters, "usage_usec"), 12U);
    EXPECT_EQ(counter(counters, "no"), 0U);
}

TEST(CgroupStats, DevicesWithTheirCounters) {
    const auto devices = parse_device_counters("8:0 rbytes=10 wbytes=20\nnonsense\n253:1 rios=3\n");
    ASSERT_EQ(devices.size(), 2U);
    EXPECT_EQ(devices[0].major, 8U);
    EXPECT_EQ(counter(devices[0].counters, "wbytes"), 20U);
    EXPECT_EQ(devices[1].minor, 1U);
    EXPECT_EQ(counter(devices[1].counters, "rios"), 3U);
}

TEST(CgroupStats, PressureLines) {
    const auto pressure = parse_pressure("some avg10=1.50 avg60=0.25 avg300=0.00 total=77\nfull avg10=0.00 total=5\n");
    ASSERT_TRUE(pressure.some && pressure.full);
    EXPECT_EQ(pressure.some->avg10, 1.5);
    EXPECT_EQ(pressure.some->avg60, 0.25);
    EXPECT_EQ(pressure.some->total, 77U);
    EXPECT_EQ(pressure.full->total, 5U);
    EXPECT_FALSE(parse_pressure("").some);
}

TEST(ProcessInfo, FromItsTwoFiles) {
    using namespace std::string_view_literals;
    const auto status = "Name:\tsh\nState:\tS (sleeping)\nPid:\t42\nPPid:\t7\nUid:\t1\t2\t3\t4\nNSpid:\t42\t9\t1\n"sv;
    const auto info = parse_process_info(status, "sh\0-c\0a b\0"sv);
    EXPECT_EQ(info.pid, 42);
    EXPECT_EQ(info.inner_pid, 1);
    EXPECT_EQ(info.parent, 7);
    EXPECT_EQ(info.uid, 2U);
    EXPECT_EQ(info.state, 'S');
    EXPECT_EQ(info.command, "sh -c a b");
    EXPECT_EQ(parse_process_info(status, "").command, "[sh]");
}

TEST(CgroupStats, PressureIsAFiniteNumber) {
    const auto line = parse_pressure("some avg10=inf avg60=nan avg300=-1 total=3\n").some.value();
    EXPECT_EQ(line.avg10, 0);
    EXPECT_EQ(line.avg60, 0);
    EXPECT_EQ(line.avg300, 0);
    EXPECT_EQ(line.total, 3U);
}

TEST(ProcessInfo, ANumberThatDoesNotFitIsNoProcess) {
    const auto info = parse_process_info("Pid:\t4294967338\nPPid:\t4294967303\nUid:\t1\t4294967298\n", "");
    EXPECT_EQ(info.pid, -1);
    EXPECT_EQ(info.parent, -1);
    EXPECT_EQ(info.uid, 0U);
}

TEST(NetStats, TheLoopbackOfOurOwnNamespace) {
    const auto own = open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY).value();
    const auto interfaces = read_interfaces(own.get(), {16, 16});
    if (!interfaces && interfaces.error().sys_errno == EPERM) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(interfaces) << interfaces.error().message;
    bool found = false;
    for (const auto& row : interfaces->rows) found = found || row.name == "lo";
    EXPECT_TRUE(found);
}

TEST(NetStats, WhatIsBeyondTheLimitsIsCounted) {
    const auto own = open_at(AT_FDCWD, "/proc/self/ns/net", O_RDONLY).value();
    const auto all = read_interfaces(own.get(), {1000, 1000});
    if (!all && all.error().sys_errno == EPERM) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(all) << all.error().message;
    const auto none = read_interfaces(own.get(), {0, 0}).value();
    EXPECT_TRUE(none.rows.empty());
    EXPECT_EQ(none.left_out, all->rows.size());
    const auto bare = read_interfaces(own.get(), {1000, 0}).value();
    ASSERT_EQ(bare.rows.size(), all->rows.size());
    for (std::size_t i = 0; i < bare.rows.size(); ++i) {
        EXPECT_TRUE(bare.rows[i].addresses.empty());
        EXPECT_EQ(bare.rows[i].addresses_left_out, all->rows[i].addresses.size());
    }
}

TEST(ProcessInfo, ALongCommandIsReadInPart) {
    const auto whole = read_process_info(::getpid()).value();
    const auto part = read_process_info(::getpid(), 3).value();
    EXPECT_EQ(part.command, whole.command.substr(0, 3));
    EXPECT_GT(whole.command.size(), 3U);
}

}  // namespace
}  // namespace xctl::kernel
