// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/ring_times.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace xctl::ring {
namespace {

constexpr std::uint64_t kCapacity = 1024 * 1024;
constexpr RingTimes::Usec kSecond = 1'000'000;
constexpr auto kNever = ~std::uint64_t{0};

class RingTimesTest : public testing::Test {
protected:
    void note(std::uint64_t offset, RingTimes::Usec time) { times_->note(offset, time, kCapacity); }
    RingTimes::Usec at(std::uint64_t offset) { return times_->at(offset).time; }

    std::unique_ptr<RingTimes> times_ = std::make_unique<RingTimes>();
};

TEST_F(RingTimesTest, WithoutNotesNothingIsKnown) {
    EXPECT_EQ(at(0), 0u);
    EXPECT_EQ(times_->at(7).end, kNever);
    EXPECT_EQ(times_->first_since(5, 100), 0u);
}

TEST_F(RingTimesTest, ATimeHoldsUntilTheNext) {
    note(0, 10 * kSecond);
    note(100, 20 * kSecond);
    EXPECT_EQ(at(0), 10 * kSecond);
    EXPECT_EQ(at(99), 10 * kSecond);
    EXPECT_EQ(times_->at(50).end, 100u);
    EXPECT_EQ(at(100), 20 * kSecond);
    EXPECT_EQ(times_->at(100).end, kNever);
}

TEST_F(RingTimesTest, ANoteThatNothingFollowedIsMoved) {
    note(0, 10 * kSecond);
    note(0, 99 * kSecond);
    EXPECT_EQ(at(0), 99 * kSecond);
}

TEST_F(RingTimesTest, WhatComesWithinTheResolutionSharesANote) {
    note(0, kSecond);
    note(10, kSecond + RingTimes::kResolution - 1);
    note(20, kSecond + RingTimes::kResolution);
    EXPECT_EQ(times_->at(0).end, 20u);
}

TEST_F(RingTimesTest, AClockThatIsSetBackStandsStill) {
    note(0, 100 * kSecond);
    note(10, 50 * kSecond);
    note(20, 100 * kSecond + RingTimes::kResolution);
    EXPECT_EQ(at(10), 100 * kSecond);
    EXPECT_EQ(at(20), 100 * kSecond + RingTimes::kResolution);
}

TEST_F(RingTimesTest, SinceFindsTheFirstByte) {
    for (std::uint64_t i = 0; i < 50; ++i) note(i * 10, (100 + i) * kSecond);
    EXPECT_EQ(times_->first_since(0, 500), 0u);
    EXPECT_EQ(times_->first_since(120 * kSecond, 500), 200u);
    EXPECT_EQ(times_->first_since(120 * kSecond + 1, 500), 210u);
    EXPECT_EQ(times_->first_since(150 * kSecond, 500), 500u);
}

/// A clock that prints 30 bytes a second: the ring has room for ten hours of it.
TEST_F(RingTimesTest, TheNotesReachBackAsFarAsTheRing) {
    constexpr std::uint64_t kLine = 30;
    const auto lines = 3 * kCapacity / kLine;
    for (std::uint64_t i = 0; i < lines; ++i) note(i * kLine, (1 + i) * kSecond);
    const auto end = lines * kLine;
    for (auto offset = end - kCapacity; offset < end; offset += 1000) {
        const auto exact = (1 + offset / kLine) * kSecond;
        ASSERT_LE(at(offset), exact) << offset;
        // A thousandth of the ring, and a line.
        ASSERT_GE(at(offset) + (kCapacity / 1000 / kLine + 1) * kSecond, exact) << offset;
    }
    for (auto offset = end - 1000 * kLine; offset < end; offset += kLine)
        ASSERT_EQ(at(offset), (1 + offset / kLine) * kSecond) << offset;
}

}  // namespace
}  // namespace xctl::ring
