// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/run_info.hpp"

#include <gtest/gtest.h>

namespace xctl::container {
namespace {

TEST(RunHistory, WhatAContainerNamesHasABound) {
    model::RunRecord run;
    run.oom_cgroup = "/xctl.slice/\xff" + std::string(100000, 'x');
    const auto info = to_info(run);
    EXPECT_EQ(info.oom_cgroup.size(), 4096U);
    EXPECT_TRUE(info.oom_cgroup.starts_with("/xctl.slice/\xef\xbf\xbdxx"));
}

}  // namespace
}  // namespace xctl::container
