// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/container_id.hpp"

#include <gtest/gtest.h>

namespace xctl {
namespace {

TEST(ContainerId, TakesWhatCanNameAUnitAPathAndAnObject) {
    for (const auto* text : {"a", "0", "web-1", "A.b_c-9"}) {
        const auto id = ContainerId::parse(text);
        ASSERT_TRUE(id) << text;
        EXPECT_EQ(id->str(), text);
    }
    EXPECT_TRUE(ContainerId::parse(std::string(128, 'x')));
}

TEST(ContainerId, RefusesEverythingElse) {
    for (const auto* text : {"", ".", "..", "-a", "_a", "+a", "a/b", "a b", "a@b", "a+b", "a\n", "../a", "a:b", "ä"}) {
        const auto id = ContainerId::parse(text);
        ASSERT_FALSE(id) << text;
        EXPECT_EQ(id.error().code, Errc::invalid_argument);
    }
    EXPECT_FALSE(ContainerId::parse(std::string(129, 'x')));
    EXPECT_FALSE(ContainerId::parse(std::string_view("a\0b", 3)));
}

TEST(ContainerId, HasAnOrder) {
    EXPECT_LT(ContainerId::parse("a").value(), ContainerId::parse("b").value());
    EXPECT_EQ(ContainerId::parse("a").value(), ContainerId::parse("a").value());
}

}  // namespace
}  // namespace xctl
