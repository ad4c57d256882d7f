// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/limit_changes.hpp"

#include <gtest/gtest.h>

namespace xctl::container {
namespace {

using Rows = std::vector<plan::FileWrite>;

std::string change(const Rows& before, const Rows& after) {
    plan::Cgroup old, now;
    old.files = before;
    now.files = after;
    const auto limits = limits_to_change(old, now);
    if (!limits) return limits.error().message;
    std::string out;
    for (const auto& row : limits->files) out += row.file + "=" + row.value + ";";
    return out;
}

TEST(LimitChanges, NewLimitsAreWritten) {
    EXPECT_EQ(change({}, {{"memory.max", "1", "", {}}}), "memory.max=1;");
    EXPECT_EQ(change({{"memory.max", "1", "", {}}}, {{"memory.max", "2", "", {}}}), "memory.max=2;");
}

TEST(LimitChanges, WhatIsTakenBackGetsTheKernelsDefault) {
    EXPECT_EQ(change({{"memory.max", "1", "", {}}, {"cpu.max", "1 2", "", {}}}, {{"pids.max", "5", "", {}}}),
              "cpu.max=max 100000;memory.max=max;pids.max=5;");
    EXPECT_EQ(change({{"cpu.weight", "5", "", {}}, {"cpu.idle", "1", "", {}}}, {}), "cpu.idle=0;cpu.weight=100;");
}

TEST(LimitChanges, DevicesAreTakenBackOneByOne) {
    EXPECT_EQ(change({{"io.max", "8:0 rbps=1", "", {}}, {"io.max", "8:16 rbps=1", "", {}}},
                     {{"io.max", "8:0 rbps=2", "", {}}}),
              "io.max=8:16 rbps=max;io.max=8:0 rbps=2;");
    EXPECT_EQ(change({{"io.weight", "50", "", {}}, {"io.weight", "8:0 70", "", {}}}, {}),
              "io.weight=8:0 default;io.weight=default 100;");
    EXPECT_EQ(change({{"hugetlb.2MB.max", "5", "", {}}}, {}), "hugetlb.2MB.max=max;");
}

TEST(LimitChanges, WithoutAKnownDefaultItTakesARestart) {
    EXPECT_EQ(change({{"misc.max", "res 1", "/linux/resources/unified/misc.max", {}}}, {}),
              "/linux/resources/unified/misc.max: can be taken back only by a restart");
}

TEST(LimitChanges, ControllersStayThatHaveToBeWrittenTo) {
    plan::Cgroup old, now;
    old.controllers = {"memory", "cpu"};
    now.controllers = {"cpu", "pids"};
    EXPECT_EQ(limits_to_change(old, now)->controllers, (std::vector<std::string>{"cpu", "pids", "memory"}));
}

}  // namespace
}  // namespace xctl::container
