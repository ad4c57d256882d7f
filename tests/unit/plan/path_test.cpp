// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/plan/path.hpp"

#include <gtest/gtest.h>

#include "lib/plan/payload.hpp"

namespace xctl::plan {
namespace {

TEST(Normalized, ResolvesDotsAsText) {
    EXPECT_EQ(normalized("/b", "rootfs"), "/b/rootfs");
    EXPECT_EQ(normalized("/b", "./a//b/../c/"), "/b/a/c");
    EXPECT_EQ(normalized("/b/", "/a"), "/a");
    EXPECT_EQ(normalized("/b", "../../../x"), "/x");
    EXPECT_EQ(normalized("/b", "/.."), "/");
    EXPECT_EQ(normalized("/", ""), "/");
    EXPECT_EQ(normalized("/b", "...x/.hidden"), "/b/...x/.hidden");
}

TEST(IsWithin, ComparesWholeParts) {
    EXPECT_TRUE(is_within("/proc", "/proc"));
    EXPECT_TRUE(is_within("/proc/self", "/proc"));
    EXPECT_FALSE(is_within("/process", "/proc"));
    EXPECT_FALSE(is_within("/", "/proc"));
    EXPECT_TRUE(is_within("/a", "/"));
}

TEST(Payload, RecognizesSystemd) {
    for (const auto* program :
         {"/sbin/init", "/usr/sbin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd"})
        EXPECT_TRUE(is_systemd_payload({program, "--log-level=info"})) << program;
    for (const auto* program : {"sh", "/bin/init", "/usr/bin/systemd-notify", "init"})
        EXPECT_FALSE(is_systemd_payload({program})) << program;
    EXPECT_FALSE(is_systemd_payload({}));
    EXPECT_EQ(default_stop_signal({"/sbin/init"}), "SIGRTMIN+3");
    EXPECT_EQ(default_stop_signal({"nginx"}), "SIGTERM");
}

}  // namespace
}  // namespace xctl::plan
