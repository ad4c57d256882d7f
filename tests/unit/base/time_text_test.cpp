// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/time_text.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace xctl {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::system_clock::time_point;

const Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;

TEST(FromUsec, IsToUsecBackwards) {
    EXPECT_EQ(from_usec(0), Time());
    EXPECT_EQ(from_usec(to_usec(kNow)), kNow);
}

TEST(FromUsec, TakesWhatNoClockShows) {
    EXPECT_EQ(from_usec(UINT64_MAX), from_usec(INT64_MAX));
    EXPECT_GT(from_usec(INT64_MAX), kNow);
}

TEST(ParseTime, TakesDurationsBeforeNow) {
    EXPECT_EQ(parse_time("10min", kNow).value(), kNow - 10min);
    EXPECT_EQ(parse_time("-10min", kNow).value(), kNow - 10min);
    EXPECT_EQ(parse_time("1h 5 min ago", kNow).value(), kNow - 65min);
}

TEST(ParseTime, TakesSecondsSinceTheEpoch) {
    EXPECT_EQ(parse_time("@1700000000", kNow).value(), Time(1'700'000'000s));
    EXPECT_FALSE(parse_time("@", kNow));
    EXPECT_FALSE(parse_time("1700000000", kNow)) << "which could be anything";
    EXPECT_FALSE(parse_time("@99999999999999999", kNow));
}

TEST(ParseTime, TakesDatesWithAZone) {
    const Time noon = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h;
    for (const auto* text : {"2026-01-31T12:00:00Z", "2026-01-31 12:00:00Z", "2026-01-31T12:00Z", "2026-01-31 12:00Z",
                             "2026-01-31T13:00:00+01:00", "2026-01-31T06:30:00.000-05:30"})
        EXPECT_EQ(parse_time(text, kNow).value(), noon) << text;
    EXPECT_EQ(parse_time("2026-01-31T12:00:00.25Z", kNow).value(), noon + 250ms);
    EXPECT_EQ(parse_time("2026-01-31T12:00:00.123456789Z", kNow).value(), noon + 123456us);
}

TEST(ParseTime, WithoutAZoneItIsLocal) {
    ::setenv("TZ", "UTC-2", 1);  // two hours east
    ::tzset();
    EXPECT_EQ(parse_time("2026-01-31 12:00", kNow).value(), parse_time("2026-01-31T10:00Z", kNow).value());
    EXPECT_EQ(parse_time("2026-01-31", kNow).value(), parse_time("2026-01-30T22:00Z", kNow).value());
    ::unsetenv("TZ");
    ::tzset();
}

TEST(ParseTime, TakesWordsAndTimesOfDay) {
    EXPECT_EQ(parse_time("now", kNow).value(), kNow);
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    EXPECT_EQ(parse_time("today", kNow).value(), kNow - 12h);
    EXPECT_EQ(parse_time("yesterday", kNow).value(), kNow - 36h);
    EXPECT_EQ(parse_time("09:30", kNow).value(), kNow - 150min);
    EXPECT_EQ(parse_time("09:30:05", kNow).value(), kNow - 150min + 5s);
    EXPECT_EQ(parse_time("2026-03-01 12:00 UTC", kNow).value(), kNow);
    ::unsetenv("TZ");
    ::tzset();
}

TEST(ParseTime, RefusesEverythingElse) {
    for (const auto* text : {"", "20260301", "5", "-5", "ago", "5 ago", "2026-13-01", "2026-01-31 25:00", "2026-01-31X", "2026-01-31T12:00:00+1",
                             "2026-01-31T12:00:00+25:00", "1960-01-01T00:00:00Z"})
        EXPECT_FALSE(parse_time(text, kNow)) << text;
    EXPECT_EQ(parse_time("x\n", kNow).error().message, R"("x\x0a" is not a time; write for example 2026-11-30 12:00, 12:00, yesterday, 5min or @1796040000)");
}

}  // namespace
}  // namespace xctl
