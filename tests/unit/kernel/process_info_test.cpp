// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/process_info.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace xctl::kernel {
namespace {

TEST(ProcessSession, IsBehindTheName) {
    EXPECT_EQ(parse_session("12 (sh) S 1 12 7 0 -1"), 7);
    EXPECT_EQ(parse_session("12 (a) S 1 2 3) S 1 12 8 0 -1"), 8);
    for (const auto* text : {"", "12 (sh", "12 (sh) S 1", "12 (sh) S 1 2 x"}) EXPECT_EQ(parse_session(text), std::nullopt) << text;
}

TEST(ProcessSession, OfThisProcess) {
    EXPECT_EQ(read_session(::getpid()).value(), ::getsid(0));
    EXPECT_FALSE(read_session(-1));
}

}  // namespace
}  // namespace xctl::kernel
