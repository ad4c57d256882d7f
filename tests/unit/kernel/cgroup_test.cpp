// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/cgroup.hpp"

#include <gtest/gtest.h>

#include "lib/kernel/raw.hpp"

namespace xctl::kernel {
namespace {

TEST(Cgroup, FindsTheV2PathAmongOthers) {
    EXPECT_EQ(parse_cgroup_path("0::/a/b\n").value(), "/a/b");
    EXPECT_EQ(parse_cgroup_path("9:cpu:/x\n1:name=systemd:/0::/\n0::/y\n").value(), "/y");
    EXPECT_EQ(parse_cgroup_path("9:cpu:/x\n").error().code, Errc::unsupported);
}

TEST(Cgroup, ReadsEvents) {
    const auto events = parse_cgroup_events("populated 1\nfrozen 0\n");
    EXPECT_TRUE(events.populated);
    EXPECT_FALSE(events.frozen);
    EXPECT_TRUE(parse_cgroup_events("populated 0\nfrozen 1\n").frozen);
}

TEST(Raw, PacksTheCallAndErrno) {
    constexpr int failed = raw::failure(ENOENT, SYS_openat);
    EXPECT_EQ(raw::errno_of(failed), ENOENT);
    EXPECT_EQ(raw::call_of(failed), SYS_openat);
    EXPECT_EQ(raw::errno_of(3), 0);
    const int real = raw::call<SYS_close>(-1);
    EXPECT_EQ(raw::errno_of(real), EBADF);
    EXPECT_EQ(raw::call_of(real), SYS_close);
}

}  // namespace
}  // namespace xctl::kernel
