// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

namespace xctl {
namespace {

using namespace std::chrono_literals;

TEST(Quoted, EscapesWhatATerminalWouldInterpret) {
    EXPECT_EQ(quoted("plain"), "\"plain\"");
    EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(quoted("\x1b[2J\n\x7f"), R"("\x1b[2J\x0a\x7f")");
    EXPECT_EQ(quoted("höhe"), "\"höhe\"");
    EXPECT_EQ(quoted("\xc2\x9b" "2J\xff\xe2\x80\xae"), R"("\u009b2J\xff\u202e")");
}

TEST(Quoted, SaysHowLongALongTextIs) {
    EXPECT_EQ(xctl::quoted(std::string(512, 'a')), "\"" + std::string(512, 'a') + "\"");
    EXPECT_EQ(xctl::quoted(std::string(2000, 'a')), "\"" + std::string(509, 'a') + "\"... (2000 bytes)");
    EXPECT_EQ(quoted_whole(std::string(2000, 'a')), "\"" + std::string(2000, 'a') + "\"");
    // No character is cut.
    std::string wide;
    for (int i = 0; i < 400; ++i) wide += "ä";
    EXPECT_EQ(xctl::quoted(wide), "\"" + wide.substr(0, 508) + "\"... (800 bytes)");
}

TEST(Split, KeepsEmptyParts) {
    EXPECT_EQ(split("a,b,,c", ','), (std::vector<std::string>{"a", "b", "", "c"}));
    EXPECT_EQ(split("", ','), std::vector<std::string>{""});
    EXPECT_EQ(split(",", ','), (std::vector<std::string>{"", ""}));
}

TEST(Join, IsTheInverseOfSplit) {
    EXPECT_EQ(join({"a", "b", "", "c"}, ","), "a,b,,c");
    EXPECT_EQ(join({}, ","), "");
    EXPECT_EQ(join({"a", "b"}, " and "), "a and b");
}

TEST(ParseUnsigned, TakesDigitsOnly) {
    EXPECT_EQ(parse_unsigned("0").value(), 0U);
    EXPECT_EQ(parse_unsigned("18446744073709551615").value(), UINT64_MAX);
    for (const auto* text : {"", " 1", "1 ", "-1", "+1", "0x10", "18446744073709551616", "1.0"})
        EXPECT_FALSE(parse_unsigned(text)) << text;
    EXPECT_EQ(parse_unsigned("x\n").error().message, R"("x\x0a" is not a number)");
}

TEST(ParseSize, KnowsTheSuffixes) {
    EXPECT_EQ(parse_size("512").value(), 512U);
    EXPECT_EQ(parse_size("64K").value(), 64U << 10);
    EXPECT_EQ(parse_size("3M").value(), 3U << 20);
    EXPECT_EQ(parse_size("1T").value(), 1ULL << 40);
    for (const auto* text : {"", "K", "1KB", "1k", "-1K", "99999999T"}) EXPECT_FALSE(parse_size(text)) << text;
}

TEST(ParseDuration, DefaultsToSeconds) {
    EXPECT_EQ(parse_duration("5").value(), 5s);
    EXPECT_EQ(parse_duration("250ms").value(), 250ms);
    EXPECT_EQ(parse_duration("2min").value(), 2min);
    EXPECT_EQ(parse_duration("1h").value(), 1h);
    EXPECT_EQ(parse_duration("1 s").value(), 1s);
    EXPECT_EQ(parse_duration("1d").value(), 24h);
    EXPECT_EQ(parse_duration("0.5s").value(), 500ms);
    EXPECT_EQ(parse_duration("1.0625h").value(), 3823200ms) << "thousandths count";
    // What format_duration() writes.
    EXPECT_EQ(parse_duration("1min 5s").value(), 65s);
    EXPECT_EQ(parse_duration("1min5s").value(), 65s);
    EXPECT_EQ(parse_duration("2d 1h").value(), 49h);
    for (const auto* text : {"", " ", "ms", "-1s", "1s 5", "5 1s", "1.s", ".5s", "1x", "1S", "9999999999999999999h", "101000w",
                             "36000d 36000d"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(FormatDuration, ShowsAtMostTwoUnits) {
    EXPECT_EQ(format_duration(250ms), "250ms");
    EXPECT_EQ(format_duration(3s), "3s");
    EXPECT_EQ(format_duration(80s), "1min 20s");
    EXPECT_EQ(format_duration(125min), "2h 5min");
    EXPECT_EQ(format_duration(49h), "2d 1h");
}

TEST(FormatTime, IsRfc3339InUtc) {
    EXPECT_EQ(format_time(std::chrono::system_clock::time_point{}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_time(std::chrono::system_clock::time_point{1234567890123ms}), "2009-02-13T23:31:30.123Z");
}

TEST(FormatLocalTime, HasTheOffset) {
    const std::chrono::system_clock::time_point time{1234567890123ms};
    ::setenv("TZ", "EST5", 1);
    ::tzset();
    EXPECT_EQ(format_local_time(time), "2009-02-13T18:31:30.123-05:00");
    ::setenv("TZ", "IST-5:30", 1);
    ::tzset();
    EXPECT_EQ(format_local_time(time), "2009-02-14T05:01:30.123+05:30");
    ::unsetenv("TZ");
    ::tzset();
    EXPECT_EQ(format_local_time(time), "2009-02-13T23:31:30.123Z");
}

}  // namespace
}  // namespace xctl
