// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/health.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace xctl::model {
namespace {

using namespace std::chrono_literals;

constexpr HealthPolicy kPolicy{.start_period = 10s, .retries = 3, .action = HealthAction::event};

struct Step {
    bool passed;
    std::chrono::milliseconds age;
    HealthStatus status;
    bool changed;
};

void follow(Health health, const std::vector<Step>& steps) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        EXPECT_EQ(advance(health, kPolicy, steps[i].passed, steps[i].age), steps[i].changed) << "step " << i;
        EXPECT_EQ(health.status, steps[i].status) << "step " << i;
    }
}

TEST(Health, FailuresOfTheStartPeriodDoNotCount) {
    follow({HealthStatus::starting, 0}, {
        {false, 1s, HealthStatus::starting, false},
        {false, 5s, HealthStatus::starting, false},
        {false, 9s, HealthStatus::starting, false},
        {false, 10s, HealthStatus::starting, false},
        {false, 11s, HealthStatus::starting, false},
        {false, 12s, HealthStatus::unhealthy, true},
        {false, 13s, HealthStatus::unhealthy, false},
    });
}

TEST(Health, OneSuccessEndsTheGraceAndTheStreak) {
    follow({HealthStatus::starting, 0}, {
        {true, 1s, HealthStatus::healthy, true},
        {false, 2s, HealthStatus::healthy, false},
        {false, 3s, HealthStatus::healthy, false},
        {true, 4s, HealthStatus::healthy, false},
        {false, 5s, HealthStatus::healthy, false},
        {false, 6s, HealthStatus::healthy, false},
        {false, 7s, HealthStatus::unhealthy, true},
        {true, 8s, HealthStatus::healthy, true},
    });
}

TEST(Health, NoRetriesMeansTheFirstFailure) {
    Health health{HealthStatus::healthy, 0};
    EXPECT_TRUE(advance(health, {.start_period = 0s, .retries = 0, .action = HealthAction::event}, false, 1s));
    EXPECT_EQ(health.status, HealthStatus::unhealthy);
}

}  // namespace
}  // namespace xctl::model
