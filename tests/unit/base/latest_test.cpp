// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/latest.hpp"

#include <gtest/gtest.h>

#include <string>

namespace xctl {
namespace {

TEST(Latest, FindsWhatWasKept) {
    Latest<std::string, int, 2> latest;
    EXPECT_EQ(latest.find("a"), nullptr);
    EXPECT_EQ(latest.keep("a", 1), 1);
    ASSERT_NE(latest.find("a"), nullptr);
    EXPECT_EQ(*latest.find("a"), 1);
    EXPECT_EQ(latest.find("b"), nullptr);
}

TEST(Latest, DropsWhatNobodyAskedForTheLongest) {
    Latest<std::string, int, 2> latest;
    latest.keep("a", 1);
    latest.keep("b", 2);
    EXPECT_NE(latest.find("a"), nullptr);
    latest.keep("c", 3);
    EXPECT_NE(latest.find("a"), nullptr);
    EXPECT_EQ(latest.find("b"), nullptr);
    EXPECT_NE(latest.find("c"), nullptr);
}

}  // namespace
}  // namespace xctl
