// SPDX-License-Identifier: LGPL-2.1-or-later
// A ring of another size, and one that outlives the boot.
#include <gtest/gtest.h>

#include "daemon/ring/saved_console.hpp"
#include "tests/unit/daemon/ring/console_pieces.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::ring {
namespace {

using test::numbered_lines;
using test::print;
using Words = std::vector<std::string>;

class RingCopyTest : public testing::Test {
protected:
    Ring make(std::uint64_t size) { return test::open_ring(directory_.fd(), size); }
    Ring reopen() { return test::open_ring(directory_.fd(), 4096); }
    std::string whole(const Ring& ring) { return test::content(ring, ring.begin()); }

    test::TemporaryDirectory directory_;
};

TEST_F(RingCopyTest, ALargerRingKeepsEverythingAtItsOffset) {
    auto ring = make(8192);
    test::begin_run(ring);
    print(ring, numbered_lines(0, 2000));
    const auto begin = ring.begin();
    const auto end = ring.end();
    const auto before = whole(ring);
    ASSERT_TRUE(ring.resize(directory_.fd(), "console", 64 * 1024));
    EXPECT_EQ(ring.capacity(), 64 * 1024u);
    EXPECT_EQ(ring.end(), end);
    EXPECT_LE(ring.begin(), begin);
    EXPECT_EQ(test::content(ring, begin), before);
    print(ring, numbered_lines(2000, 100));
    EXPECT_EQ(test::content(ring, begin), before + numbered_lines(2000, 100));
}

TEST_F(RingCopyTest, ASmallerRingKeepsTheLastBytes) {
    auto ring = make(64 * 1024);
    print(ring, numbered_lines(0, 3000));
    const auto before = whole(ring);
    ring.journal_offset() = 17;
    ring.journal_dropped() = 3;
    ASSERT_TRUE(ring.resize(directory_.fd(), "console", 4096));
    EXPECT_EQ(whole(ring), before.substr(before.size() - 4096));
    EXPECT_EQ(ring.journal_offset(), 17u);
    EXPECT_EQ(ring.journal_dropped(), 3u);
    print(ring, "more\n");
    EXPECT_EQ(whole(ring), (before + "more\n").substr(before.size() + 5 - 4096));
}

/// At every place in a lap, also its very end.
TEST_F(RingCopyTest, ItGoesOnWhereverTheLapStands) {
    for (const std::size_t length : {4095u, 4096u, 4097u, 8192u, 12287u, 12288u}) {
        (void)::unlinkat(directory_.fd(), "console", 0);
        auto ring = make(8192);
        const auto text = numbered_lines(0, 2000).substr(0, length);
        print(ring, text);
        ASSERT_TRUE(ring.resize(directory_.fd(), "console", 4096));
        print(ring, "x");
        ASSERT_TRUE(ring.resize(directory_.fd(), "console", 12288));
        print(ring, "yz");
        const auto all = text + "xyz";
        EXPECT_EQ(ring.end(), all.size());
        EXPECT_EQ(test::content(ring, all.size() - 1000), all.substr(all.size() - 1000)) << length;
    }
}

TEST_F(RingCopyTest, TheNextDaemonFindsTheNewSize) {
    {
        auto ring = make(8192);
        print(ring, "before\n");
        ASSERT_TRUE(ring.resize(directory_.fd(), "console", 16384));
        print(ring, "after\n");
    }
    const auto ring = reopen();
    EXPECT_EQ(ring.capacity(), 16384u);
    EXPECT_EQ(whole(ring), "before\nafter\n");
}

TEST_F(RingCopyTest, MarksAndTimesComeAlong) {
    auto ring = make(8192);
    test::begin_run(ring);
    print(ring, "out");
    print(ring, "err", test::kErr);
    test::end_run(ring, 5);
    const auto time = ring.times().at(0).time;
    EXPECT_GT(time, 0u);
    ASSERT_TRUE(ring.resize(directory_.fd(), "console", 4096));
    auto cursor = ConsoleCursor::at(ring, 0);
    EXPECT_EQ(test::read_items(ring, cursor), (Words{"begin", "out:out", "err:err", "end:5"}));
    EXPECT_EQ(ring.times().at(0).time, time);
}

class SavedConsoleTest : public RingCopyTest {
protected:
    SavedConsole saved_{ContainerId::parse("web").value(), directory_.path() / "lib"};
};

TEST_F(SavedConsoleTest, IsTakenUpWithItsOffsets) {
    auto ring = make(4096);
    test::begin_run(ring);
    print(ring, numbered_lines(0, 1000));
    test::end_run(ring, 0);
    const auto before = whole(ring);
    const auto end = ring.end();
    ASSERT_TRUE(saved_.save(ring));
    (void)::unlinkat(directory_.fd(), "console", 0);
    saved_.restore(directory_.fd(), "console");
    auto restored = reopen();
    EXPECT_EQ(whole(restored), before);
    EXPECT_EQ(restored.end(), end);
    EXPECT_FALSE(restored.run_is_open());
}

TEST_F(SavedConsoleTest, ARunThatWasNotOverHasEnded) {
    auto ring = make(4096);
    test::begin_run(ring);
    print(ring, "cut");
    ASSERT_TRUE(saved_.save(ring));
    (void)::unlinkat(directory_.fd(), "console", 0);
    saved_.restore(directory_.fd(), "console");
    auto restored = reopen();
    auto cursor = ConsoleCursor::at(restored, 0);
    EXPECT_EQ(test::read_items(restored, cursor), (Words{"begin", "out:cut", "end:-1"}));
}

TEST_F(SavedConsoleTest, ARingOfThisBootIsLeftAlone) {
    auto ring = make(4096);
    print(ring, "saved");
    ASSERT_TRUE(saved_.save(ring));
    print(ring, ", and more");
    saved_.restore(directory_.fd(), "console");
    EXPECT_EQ(whole(reopen()), "saved, and more");
}

TEST_F(SavedConsoleTest, WhatIsDamagedOrRemovedIsNotTakenUp) {
    auto ring = make(4096);
    print(ring, "text");
    ASSERT_TRUE(saved_.save(ring));
    (void)::unlinkat(directory_.fd(), "console", 0);
    ASSERT_EQ(::truncate((directory_.path() / "lib/web/console").c_str(), 100), 0);
    saved_.restore(directory_.fd(), "console");
    EXPECT_LT(::faccessat(directory_.fd(), "console", F_OK, 0), 0);
    ASSERT_TRUE(saved_.save(ring));
    EXPECT_TRUE(saved_.remove());
    saved_.restore(directory_.fd(), "console");
    EXPECT_LT(::faccessat(directory_.fd(), "console", F_OK, 0), 0);
}

}  // namespace
}  // namespace xctl::ring
