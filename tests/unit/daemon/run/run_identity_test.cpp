// SPDX-License-Identifier: LGPL-2.1-or-later
// Which run an entry of the parking lot belongs to.
#include "daemon/run/run.hpp"

#include <gtest/gtest.h>

namespace xctl::run {
namespace {

Run::Identity identity_in(const char* text) { return Run::identity_of({"web", text, {}}); }

TEST(RunIdentity, IsLifeAndNumber) {
    EXPECT_EQ(identity_in("12 PKC 0123456789abcdef"), (Run::Identity{"0123456789abcdef", 12}));
    EXPECT_NE(identity_in("12 PKC 0123456789abcdef"), (Run::Identity{"0123456789abcdee", 12}));
    EXPECT_NE(identity_in("12 PKC 0123456789abcdef"), (Run::Identity{"0123456789abcdef", 11}));
}

TEST(RunIdentity, OfATextOfAnotherMakeIsNoRun) {
    for (const auto* text : {"", "x", "12", "-", "x PKC 0123456789abcdef"}) EXPECT_EQ(identity_in(text).number, 0u) << text;
}

}  // namespace
}  // namespace xctl::run
