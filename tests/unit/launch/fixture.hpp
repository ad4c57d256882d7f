// SPDX-License-Identifier: LGPL-2.1-or-later
// Test cases that run one container.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/launch/container.hpp"

namespace xctl::test {

class Launch : public testing::Test {
protected:
    void SetUp() override {
        if (const auto why = why_no_containers()) GTEST_SKIP() << *why;
    }

    /// The output of a command that must succeed.
    static std::string output_of(const plan::LaunchPlan& plan, const RunOptions& options = {}) {
        const auto outcome = run(plan, options);
        if (!outcome) ADD_FAILURE() << outcome.error().message;
        if (!outcome) return {};
        if (outcome->failure) ADD_FAILURE() << outcome->failure->message;
        EXPECT_EQ(outcome->status, (kernel::ExitStatus{false, 0, false})) << outcome->output;
        return outcome->output;
    }

    static Error failure_of(const plan::LaunchPlan& plan) {
        const auto outcome = run(plan);
        if (!outcome) return outcome.error();
        EXPECT_TRUE(outcome->failure.has_value()) << outcome->output;
        return outcome->failure.value_or(Error{});
    }
};

}  // namespace xctl::test
