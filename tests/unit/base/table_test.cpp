// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/table.hpp"

#include <gtest/gtest.h>

namespace xctl {
namespace {

constexpr std::array<Named<int>, 3> kRows{{{"one", 1}, {"two", 2}, {"zwei", 2}}};
static_assert(names_are_unique(kRows));
constexpr std::array<Named<int>, 2> kTwice{{{"one", 1}, {"one", 2}}};
static_assert(!names_are_unique(kTwice));

TEST(Table, FindsBothWays) {
    EXPECT_EQ(value_of(kRows, "zwei"), 2);
    EXPECT_EQ(value_of(kRows, "three"), std::nullopt);
    EXPECT_EQ(name_of(kRows, 2), "two");
    EXPECT_EQ(name_of(kRows, 3), "");
    ASSERT_NE(find_row(kRows, "one"), nullptr);
    EXPECT_EQ(find_row(kRows, "one")->value, 1);
    EXPECT_EQ(find_row(kRows, ""), nullptr);
}

}  // namespace
}  // namespace xctl
