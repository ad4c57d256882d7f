// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/console_cursor.hpp"

#include <algorithm>
#include <random>

#include "tests/unit/daemon/ring/console_pieces.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::ring {
namespace {

using namespace test;
using Strings = std::vector<std::string>;

constexpr std::uint64_t kCursorRing = 4096;
constexpr unsigned kCursorSeed = 11;

class CursorTest : public testing::Test {
protected:
    TemporaryDirectory directory_;
    Ring ring_ = open_ring(directory_.fd(), kCursorRing);
};

TEST_F(CursorTest, NothingIsInAnEmptyRing) {
    ConsoleCursor cursor;
    EXPECT_EQ(read_items(ring_, cursor), Strings{});
    print(ring_, "first");
    EXPECT_EQ(read_items(ring_, cursor), Strings{"out:first"});
    EXPECT_EQ(read_items(ring_, cursor), Strings{});
}

TEST_F(CursorTest, StreamsAndRunsComeInOrder) {
    begin_run(ring_);
    print(ring_, "a");
    print(ring_, "b", kErr);
    print(ring_, "c");
    end_run(ring_, 3);
    begin_run(ring_);
    end_run(ring_, 4);
    begin_run(ring_);
    print(ring_, "d", kErr);
    ConsoleCursor cursor;
    const Strings wanted{"begin", "out:a", "err:b", "out:c", "end:3", "begin", "end:4", "begin", "err:d"};
    EXPECT_EQ(read_items(ring_, cursor), wanted);
    EXPECT_EQ(cursor.mark(), ring_.mark_count());
    EXPECT_EQ(cursor.offset(), ring_.end());
}

TEST_F(CursorTest, ARunThatBeginsIsStandardOutputAgain) {
    begin_run(ring_);
    print(ring_, "bad", kErr);
    end_run(ring_, 1);
    begin_run(ring_);
    print(ring_, "good");
    ConsoleCursor cursor;
    const Strings wanted{"begin", "err:bad", "end:1", "begin", "out:good"};
    EXPECT_EQ(read_items(ring_, cursor), wanted);
}

TEST_F(CursorTest, OutputIsCutAtTheLimit) {
    print(ring_, "abcdefgh");
    ConsoleCursor cursor;
    const Strings wanted{"out:abc", "out:def", "out:gh"};
    EXPECT_EQ(read_items(ring_, cursor, 3), wanted);
}

TEST_F(CursorTest, ItDoesNotMoveUntilAdvanced) {
    print(ring_, "abc");
    ConsoleCursor cursor;
    for (int i = 0; i < 2; ++i) {
        const auto item = cursor.next(ring_, 100);
        ASSERT_TRUE(std::holds_alternative<ConsoleCursor::Output>(item));
        EXPECT_EQ(as_text(std::get<ConsoleCursor::Output>(item).bytes), "abc");
    }
}

TEST_F(CursorTest, AtAnOffsetTheStreamIsKnown) {
    print(ring_, "out");
    print(ring_, "error", kErr);
    print(ring_, "out");
    const std::array<std::pair<std::uint64_t, Strings>, 4> cases{{
        {2, {"out:t", "err:error", "out:out"}},
        {3, {"err:error", "out:out"}},
        {5, {"err:ror", "out:out"}},
        {8, {"out:out"}},
    }};
    for (const auto& [offset, wanted] : cases) {
        auto cursor = ConsoleCursor::at(ring_, offset);
        EXPECT_EQ(read_items(ring_, cursor), wanted) << offset;
    }
}

TEST_F(CursorTest, AtAnOffsetTheMarksThereAreShown) {
    print(ring_, "a");
    end_run(ring_, 1);
    begin_run(ring_);
    auto cursor = ConsoleCursor::at(ring_, 1);
    const Strings wanted{"end:1", "begin"};
    EXPECT_EQ(read_items(ring_, cursor), wanted);
}

TEST_F(CursorTest, APlaceBehindTheEndIsTheEnd) {
    print(ring_, "abc");
    auto cursor = ConsoleCursor::resume(ring_, 1'000'000, 1'000'000);
    EXPECT_EQ(cursor.offset(), 3u);
    EXPECT_EQ(read_items(ring_, cursor), Strings{});
    print(ring_, "d");
    EXPECT_EQ(read_items(ring_, cursor), Strings{"out:d"});
}

TEST_F(CursorTest, WhatWasOverwrittenIsAGap) {
    ConsoleCursor cursor;
    print(ring_, "start");
    EXPECT_EQ(read_item(ring_, cursor), "out:start");
    const auto text = numbered_lines(0, 1000);
    print(ring_, text);
    EXPECT_EQ(read_item(ring_, cursor), std::format("gap:{}", ring_.begin()));
    std::string rest;
    for (const auto& item : read_items(ring_, cursor)) rest += item.substr(4);
    EXPECT_EQ(rest, content(ring_, ring_.begin()));
    EXPECT_EQ(rest, text.substr(text.size() - kCursorRing));
}

TEST_F(CursorTest, AGapInsideErrorsGoesOnAsErrors) {
    ConsoleCursor cursor;
    print(ring_, "start");
    print(ring_, std::string(2 * kCursorRing, 'e'), kErr);
    EXPECT_EQ(read_item(ring_, cursor), std::format("gap:{}", ring_.begin()));
    EXPECT_TRUE(read_item(ring_, cursor).starts_with("err:e"));
}

TEST_F(CursorTest, AGapOverRunsShowsTheOnesAfterIt) {
    begin_run(ring_);
    end_run(ring_, 1);
    begin_run(ring_);
    print(ring_, std::string(2 * kCursorRing, 'x'));
    end_run(ring_, 2);
    ConsoleCursor cursor;
    const auto items = read_items(ring_, cursor);
    EXPECT_EQ(items.front(), std::format("gap:{}", kCursorRing));
    EXPECT_EQ(items.back(), "end:2");
    EXPECT_EQ(std::ranges::count(items, "begin"), 0);
}

struct Reading {
    std::string text;  // with changes of stream and boundaries written into it
    bool error = false;
};

void add_item(Reading& reading, const std::string& item) {
    const bool output = item.starts_with("out:") || item.starts_with("err:");
    if (!output) {
        reading.text += "<" + item + ">";
        if (item == "begin") reading.error = false;
        return;
    }
    const bool error = item.starts_with("err:");
    if (error != reading.error) reading.text += error ? "<err>" : "<out>";
    reading.error = error;
    reading.text += item.substr(4);
}

/// Resumed anywhere, the parts together are the whole: nothing twice and nothing lost.
TEST_F(CursorTest, ResumingNeitherRepeatsNorLoses) {
    for (unsigned seed = kCursorSeed; seed < kCursorSeed + 200; ++seed) {
        SCOPED_TRACE(std::format("seed {}", seed));
        std::mt19937 random(seed);
        const TemporaryDirectory directory;
        auto ring = open_ring(directory.fd(), 16 * kCursorRing);
        Reading whole, parts;
        ConsoleCursor reader;
        std::uint64_t offset = 0, mark = 0;
        for (int step = 0; step < 60; ++step) {
            switch (random() % 5) {
                case 0: begin_run(ring); break;
                case 1: end_run(ring, step); break;
                default: print(ring, std::format("[{}]", step), random() % 2 == 0 ? kOut : kErr);
            }
            for (const auto& item : read_items(ring, reader)) add_item(whole, item);
            auto cursor = ConsoleCursor::resume(ring, offset, mark);
            for (auto count = random() % 4; count > 0; --count)
                if (const auto item = read_item(ring, cursor, 1 + random() % 4); !item.empty()) add_item(parts, item);
            offset = cursor.offset();
            mark = cursor.mark();
        }
        auto cursor = ConsoleCursor::resume(ring, offset, mark);
        for (const auto& item : read_items(ring, cursor)) add_item(parts, item);
        ASSERT_EQ(parts.text, whole.text);
    }
}

}  // namespace
}  // namespace xctl::ring
