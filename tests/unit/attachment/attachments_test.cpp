// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/attachment/attachments.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>
#include <set>
#include <string>
#include <utility>

namespace xctl::attachment {
namespace {

using Words = std::vector<std::string>;

/// Writes down what it does, holds what it has made in `there`, and fails where it is told to.
class Traced final : public Attachment {
public:
    struct World {
        Words done;
        std::set<std::string> there;
        std::string failing;  // "NAME STEP"
        bool blocking = false;
    };

    Traced(World& world, std::string name) : world_(world), name_(std::move(name)) {}

    std::string_view name() const override { return name_; }
    Task recover(const Scene&) override { return at(Step::recover); }
    Task prepare(const Scene&) override { return at(Step::prepare); }
    Task placed(const Scene&) override { return at(Step::placed); }
    Task created(const Scene&) override { return at(Step::created); }
    Task launched(const Scene&) override { return at(Step::launched); }
    Task ended(const Scene&) override { return at(Step::ended); }

private:
    Task at(Step step) {
        return {[this, step]() -> Result<> {
                    const auto word = std::format("{} {}", name_, name_of(step));
                    world_.done.push_back(word);
                    // Half of a step is done when it fails.
                    step == Step::ended ? (void)world_.there.erase(name_) : (void)world_.there.insert(name_);
                    if (word == world_.failing) return fail_errno(EIO, "make it");
                    return {};
                },
                world_.blocking};
    }

    World& world_;
    std::string name_;
};

/// Keeps work until the test has it done.
class Later final : public Executor {
public:
    void execute(const std::function<Result<>()>& work, Done done) override {
        work_ = work;
        done_ = std::move(done);
    }
    void cancel() override { work_ = {}; }
    bool step() {
        if (!work_) return false;
        const auto result = std::exchange(work_, {})();
        std::exchange(done_, {})(result);
        return true;
    }

private:
    std::function<Result<>()> work_;
    Done done_;
};

class AttachmentsTest : public testing::Test {
protected:
    void add_three(Attachments& attachments) {
        for (const auto* name : {"one", "two", "three"}) attachments.add(std::make_unique<Traced>(world_, name));
    }
    Traced::World world_;
    Inline inline_;
    Later later_;
};

TEST_F(AttachmentsTest, GoUpInOrderAndDownInReverse) {
    Attachments attachments(inline_);
    add_three(attachments);
    EXPECT_TRUE(attachments.set_up(Step::prepare, {}, {}).value());
    EXPECT_TRUE(attachments.take_down({}, {}).value());
    EXPECT_EQ(world_.done, (Words{"one prepare", "two prepare", "three prepare", "three ended", "two ended", "one ended"}));
    EXPECT_TRUE(world_.there.empty());
}

/// For each of them and each step: nothing is left, the others are not blamed, and what had no turn is not taken down.
TEST_F(AttachmentsTest, LeaveNothingWhereverOneFails) {
    for (const std::string name : {"one", "two", "three"})
        for (const auto last : {Step::prepare, Step::placed, Step::created, Step::launched}) {
            for (const bool blocking : {false, true}) {
                world_ = {};
                world_.failing = std::format("{} {}", name, name_of(last));
                world_.blocking = blocking;
                Attachments attachments(inline_);
                add_three(attachments);
                Result<> result;
                for (const auto step : {Step::prepare, Step::placed, Step::created, Step::launched})
                    if (result) result = attachments.set_up(step, {}, {}).value();
                ASSERT_FALSE(result) << world_.failing;
                EXPECT_EQ(result.error().step, world_.failing);
                EXPECT_EQ(result.error().sys_errno, EIO);
                EXPECT_EQ(world_.done.back(), world_.failing) << "nothing comes after a failure";
                EXPECT_TRUE(attachments.take_down({}, {}).value());
                EXPECT_TRUE(world_.there.empty()) << world_.failing;
                const bool alone = name == "one" && last == Step::prepare;
                EXPECT_EQ(world_.done.back(), "one ended");
                EXPECT_EQ(std::ranges::count(world_.done, "three ended"), alone || (name == "two" && last == Step::prepare) ? 0 : 1);
            }
        }
}

TEST_F(AttachmentsTest, AreAllTakenDownThoughOneCannotBe) {
    Attachments attachments(inline_);
    add_three(attachments);
    ASSERT_TRUE(attachments.set_up(Step::recover, {}, {}).value());
    world_.failing = "two ended";
    const auto done = attachments.take_down({}, {}).value();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().step, "two ended");
    EXPECT_EQ(world_.done.back(), "one ended");
    world_.done.clear();
    EXPECT_TRUE(attachments.take_down({}, {}).value()) << "nothing is left to do";
    EXPECT_TRUE(world_.done.empty());
}

TEST_F(AttachmentsTest, WhatBlocksIsWaitedFor) {
    world_.blocking = true;
    Attachments attachments(later_);
    add_three(attachments);
    std::vector<bool> told;
    EXPECT_FALSE(attachments.set_up(Step::prepare, {}, [&](const Result<>& done) { told.push_back(done.has_value()); }));
    EXPECT_TRUE(attachments.is_waiting());
    while (later_.step()) EXPECT_LE(told.size(), 1u);
    EXPECT_EQ(told, std::vector<bool>{true});
    EXPECT_FALSE(attachments.is_waiting());
    EXPECT_EQ(world_.done, (Words{"one prepare", "two prepare", "three prepare"}));
}

TEST_F(AttachmentsTest, TakingDownGoesOnBehindWhatWasCancelled) {
    world_.blocking = true;
    Attachments attachments(later_);
    add_three(attachments);
    attachments.set_up(Step::recover, {}, {});
    while (later_.step()) {}
    EXPECT_FALSE(attachments.take_down({}, [](const Result<>&) { ADD_FAILURE() << "it was cancelled"; }));
    attachments.cancel();
    EXPECT_FALSE(attachments.is_waiting());
    bool told = false;
    EXPECT_FALSE(attachments.take_down({}, [&](const Result<>&) { told = true; }));
    while (later_.step()) {}
    EXPECT_TRUE(told);
    world_.done.erase(world_.done.begin(), world_.done.begin() + 3);
    EXPECT_EQ(world_.done, (Words{"two ended", "one ended"}));
}

TEST_F(AttachmentsTest, TheNextStepMayBeginWithinTheAnswer) {
    world_.blocking = true;
    Attachments attachments(later_);
    add_three(attachments);
    bool placed = false;
    attachments.set_up(Step::prepare, {}, [&](const Result<>&) {
        attachments.set_up(Step::placed, {}, [&](const Result<>&) { placed = true; });
    });
    while (later_.step()) {}
    EXPECT_TRUE(placed);
}

}  // namespace
}  // namespace xctl::attachment
