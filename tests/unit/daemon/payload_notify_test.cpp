// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/payload_notify.hpp"

#include <gtest/gtest.h>

namespace xctl {
namespace {

using Words = std::vector<std::string>;

TEST(PayloadNotify, PassesOnWhatIsListed) {
    const auto said = parse_notification("READY=1\nSTATUS=serving\nMAINPID=1\nFDSTORE=1\nNOTIFYACCESS=all\nSTOPPING=1");
    EXPECT_TRUE(said.ready);
    EXPECT_FALSE(said.watchdog);
    EXPECT_EQ(said.passed_on, (Words{"STATUS=serving", "STOPPING=1"}));
}

TEST(PayloadNotify, TakesOnlyWholeWords) {
    const auto said = parse_notification("READY=10\nXREADY=1\nSTATUS=\x1b[31mred\nWATCHDOG=1\nWATCHDOG_USEC=5");
    EXPECT_FALSE(said.ready);
    EXPECT_TRUE(said.watchdog);
    EXPECT_EQ(said.passed_on, Words{"STATUS=?[31mred"});
}

TEST(PayloadNotify, PassesNoControlCharacterOn) {
    const auto said = parse_notification("STATUS=a\xc2\x9b" "2Jb\xe2\x80\xae" "c\xff");
    EXPECT_EQ(said.passed_on, Words{"STATUS=a?2Jb?c\xef\xbf\xbd"});
}

}  // namespace
}  // namespace xctl
