// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/rate_limit.hpp"

#include <gtest/gtest.h>

namespace xctl::model {
namespace {

using namespace std::chrono_literals;

const auto kStart = RateLimit::Clock::time_point(1000s);

unsigned admitted(RateLimit& limit, RateLimit::Clock::time_point now, unsigned asked) {
    unsigned out = 0;
    for (unsigned i = 0; i < asked; ++i) {
        if (!limit.allows(now)) continue;
        limit.count(now);
        ++out;
    }
    return out;
}

TEST(RateLimit, AllowsTheBurstOnceInEachInterval) {
    RateLimit limit;
    limit.set(3, 10s);
    EXPECT_EQ(admitted(limit, kStart, 10), 3u);
    EXPECT_EQ(admitted(limit, kStart + 9999ms, 10), 0u);
    EXPECT_EQ(limit.remaining(kStart + 4s), 6s);
    EXPECT_EQ(admitted(limit, kStart + 10s, 10), 3u);
}

TEST(RateLimit, WhatWasAllowedButNotCountedCostsNothing) {
    RateLimit limit;
    limit.set(1, 10s);
    EXPECT_TRUE(limit.allows(kStart));
    EXPECT_TRUE(limit.allows(kStart));
    EXPECT_EQ(admitted(limit, kStart, 2), 1u);
}

TEST(RateLimit, ZeroIsNoLimit) {
    RateLimit limit;
    limit.set(0, 10s);
    EXPECT_EQ(admitted(limit, kStart, 100'000), 100'000u);
}

}  // namespace
}  // namespace xctl::model
