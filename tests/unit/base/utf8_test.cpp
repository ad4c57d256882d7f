// SPDX-License-Identifier: LGPL-2.1-or-later
// Text of unknown origin, as a container or a foreign server may send it.
#include "lib/base/utf8.hpp"

#include <gtest/gtest.h>

namespace xctl {
namespace {

constexpr const char* kFffd = "\xef\xbf\xbd";

TEST(ValidUtf8, KeepsWhatIsValid) {
    for (const std::string text : {"", "plain\n\x1b[2J\x7f", "höhe €", "\xf0\x9f\x98\x80", "\xc2\x9b", "\xf4\x8f\xbf\xbd"})
        EXPECT_EQ(valid_utf8(text), text);
}

TEST(ValidUtf8, ReplacesEachByteThatIsNone) {
    const std::string f = kFffd;
    EXPECT_EQ(valid_utf8("a\xff\xfe" "b"), "a" + f + f + "b");
    EXPECT_EQ(valid_utf8("caf\xe9"), "caf" + f);                    // Latin-1
    EXPECT_EQ(valid_utf8("\xe2\x82"), f + f);                       // cut off
    EXPECT_EQ(valid_utf8("\xc0\xaf"), f + f);                       // a longer form than need be
    EXPECT_EQ(valid_utf8("\xe0\x80\xaf"), f + f + f);
    EXPECT_EQ(valid_utf8("\xed\xa0\x80"), f + f + f);               // a surrogate
    EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), f + f + f + f);       // above U+10FFFF
    EXPECT_EQ(valid_utf8(std::string_view("a\0b", 3)), "a" + f + "b");
    EXPECT_EQ(valid_utf8("\xef\xbf\xbe|\xef\xb7\x90|\xf4\x8f\xbf\xbf"), f + "|" + f + "|" + f);  // noncharacters
}

TEST(Printable, LetsNoControlCharacterThrough) {
    EXPECT_EQ(printable("a\x1b[2Jb\x7f\r\n"), "a?[2Jb???");
    EXPECT_EQ(printable("a\tb"), "a b");
    EXPECT_EQ(printable("\xc2\x9b" "31m \xc2\x80\xc2\x9f\xc2\xa0"), "?31m ??\xc2\xa0");
    EXPECT_EQ(printable("\xff" "a"), std::string(kFffd) + "a");
    EXPECT_EQ(printable("höhe"), "höhe");
    for (const auto* bidi : {"\xd8\x9c", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa",
                             "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"})
        EXPECT_EQ(printable(bidi), "?") << bidi;
    for (const auto* shown : {"\xe2\x80\x8d", "\xe2\x80\x90", "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa"})
        EXPECT_EQ(printable(shown), shown);
}

TEST(Printable, OfSeveralLinesKeepsTheirEnds) {
    EXPECT_EQ(printable_lines("a\nb\x1b\r\n"), "a\nb??\n");
    EXPECT_EQ(printable_lines("a\xe2\x80\xa8" "b"), "a?b");
}

TEST(Shortened, CutsNoCharacter) {
    EXPECT_EQ(shortened("abcdef", 6), "abcdef");
    EXPECT_EQ(shortened("abcdefg", 6), "abc...");
    EXPECT_EQ(shortened("abääää", 6), "ab...");
    EXPECT_EQ(shortened("ääää", 3), "...");
}

}  // namespace
}  // namespace xctl
