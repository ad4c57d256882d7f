// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/log_lines.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace xctl::client {
namespace {

constexpr std::uint64_t kNoon = 1'769'860'800'250'000;  // 2026-01-31T12:00:00.25Z

TEST(LogLinesRaw, ChangesNothing) {
    LogLines lines;
    EXPECT_EQ(lines.output(false, 0, "a\nb"), "a\nb");
    EXPECT_EQ(lines.gap(9, 6) + lines.run_begin(9) + lines.run_end(9, {}) + lines.finish(), "");
}

TEST(LogLinesTimestamps, EachLineHasTheTimeOfItsFirstByte) {
    LogLines lines(LogFormat::timestamps);
    EXPECT_EQ(lines.output(false, 0, "old\n"), "- old\n");
    lines.set_time(kNoon);
    EXPECT_EQ(lines.output(false, 4, "a\nb"), "2026-01-31T12:00:00.250Z a\n2026-01-31T12:00:00.250Z b");
    lines.set_time(kNoon + 1'000'000);
    EXPECT_EQ(lines.output(true, 7, "e\n"), "2026-01-31T12:00:01.250Z e\n");
    EXPECT_EQ(lines.output(false, 9, "c\nd\n"), "c\n2026-01-31T12:00:01.250Z d\n");
}

TEST(LogLinesJson, ALineIsARecordWhenItEnds) {
    LogLines lines(LogFormat::json);
    lines.set_time(kNoon);
    EXPECT_EQ(lines.output(false, 0, "on"), "");
    EXPECT_EQ(lines.output(true, 2, "err\n"),
              "{\"time\":1769860800250000,\"offset\":2,\"stream\":\"stderr\",\"text\":\"err\"}\n");
    EXPECT_EQ(lines.output(false, 6, "e\ntwo\n"),
              "{\"time\":1769860800250000,\"offset\":0,\"stream\":\"stdout\",\"text\":\"one\"}\n"
              "{\"time\":1769860800250000,\"offset\":8,\"stream\":\"stdout\",\"text\":\"two\"}\n");
}

TEST(LogLinesJson, BytesThatAreNoTextAreReplaced) {
    LogLines lines(LogFormat::json);
    EXPECT_EQ(lines.output(false, 0, "\"\x1b\xff\xc3\xa9\n"),
              "{\"time\":null,\"offset\":0,\"stream\":\"stdout\",\"text\":\"\\\"\\u001b\\ufffd\xc3\xa9\"}\n");
}

TEST(LogLinesJson, GapsAndRunsAreRecordsAndEndALine) {
    LogLines lines(LogFormat::json);
    (void)lines.output(false, 0, "cut");
    EXPECT_EQ(lines.gap(100, 97),
              "{\"time\":null,\"offset\":0,\"stream\":\"stdout\",\"text\":\"cut\",\"partial\":true}\n"
              "{\"time\":null,\"offset\":100,\"lost\":97}\n");
    EXPECT_EQ(lines.run_begin(100), "{\"time\":null,\"offset\":100,\"run\":\"begin\"}\n");
    EXPECT_EQ(lines.run_end(100, {0, 1, 0, 3}), "{\"time\":null,\"offset\":100,\"run\":\"end\",\"exit\":3}\n");
    EXPECT_EQ(lines.run_end(100, {1, 1, 0, 9}), "{\"time\":null,\"offset\":100,\"run\":\"end\",\"signal\":9}\n");
    EXPECT_EQ(lines.run_end(100, {0, 1, 0, -1}), "{\"time\":null,\"offset\":100,\"run\":\"end\"}\n");
    EXPECT_EQ(lines.finish(), "");
}

TEST(LogLinesJson, ALineOfAnyLengthComesInPieces) {
    LogLines lines(LogFormat::json);
    std::string out;
    for (int i = 0; i < 20; ++i)
        out += lines.output(false, static_cast<std::uint64_t>(i) * 10'000, std::string(10'000, 'x'));
    out += lines.output(false, 200'000, "\n");
    EXPECT_EQ(std::ranges::count(out, '\n'), 4);
    EXPECT_EQ(std::ranges::count(out, 'x'), 200'000 + 4) << "one in each \"text\"";
}

}  // namespace
}  // namespace xctl::client
