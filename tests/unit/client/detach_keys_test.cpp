// SPDX-License-Identifier: LGPL-2.1-or-later
// Detach keys, also split over reads and broken off.
#include "client/detach_keys.hpp"

#include <gtest/gtest.h>

namespace xctl::client {
namespace {

TEST(DetachKeys, Parse) {
    EXPECT_EQ(parse_detach_keys("ctrl-p,ctrl-q").value(), "\x10\x11");
    EXPECT_EQ(parse_detach_keys("~,.").value(), "~.");
    EXPECT_EQ(parse_detach_keys("ctrl-],ctrl-^").value(), "\x1d\x1e");
    EXPECT_EQ(parse_detach_keys("").value(), "");
    EXPECT_EQ(parse_detach_keys("ctrl-1").error().message,
              "--detach-keys: \"ctrl-1\" is not a key: one character, or ctrl- and a letter");
    EXPECT_FALSE(parse_detach_keys("a,,b"));
    EXPECT_FALSE(parse_detach_keys("enter"));
}

TEST(DetachKeys, FoundWithinOneRead) {
    DetachMatcher matcher("\x10\x11");
    const auto fed = matcher.feed("ls\n\x10\x11never");
    EXPECT_TRUE(fed.detach);
    EXPECT_EQ(fed.pass, "ls\n");
}

TEST(DetachKeys, FoundAcrossReads) {
    DetachMatcher matcher("abc");
    EXPECT_EQ(matcher.feed("xa").pass, "x");
    EXPECT_TRUE(matcher.holds());
    EXPECT_EQ(matcher.feed("b").pass, "");
    EXPECT_TRUE(matcher.feed("c").detach);
    EXPECT_FALSE(matcher.holds());
}

TEST(DetachKeys, ABrokenSequencePassesWhole) {
    DetachMatcher matcher("aab");
    EXPECT_EQ(matcher.feed("aax").pass, "aax");
    const auto fed = matcher.feed("aaab");
    EXPECT_EQ(fed.pass, "a");
    EXPECT_TRUE(fed.detach);
}

TEST(DetachKeys, HeldKeysAreReleasedOnce) {
    DetachMatcher matcher("ab");
    EXPECT_EQ(matcher.feed("a").pass, "");
    EXPECT_EQ(matcher.release(), "a");
    EXPECT_EQ(matcher.release(), "");
    EXPECT_EQ(matcher.feed("b").pass, "b");
}

TEST(DetachKeys, NoKeysNeverDetach) {
    DetachMatcher matcher("");
    const auto fed = matcher.feed("anything");
    EXPECT_EQ(fed.pass, "anything");
    EXPECT_FALSE(fed.detach);
}

}  // namespace
}  // namespace xctl::client
