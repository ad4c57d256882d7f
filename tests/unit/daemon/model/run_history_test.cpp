// SPDX-License-Identifier: LGPL-2.1-or-later
// What is said to have ended a run, and which runs are remembered.
#include "daemon/model/run_history.hpp"

#include <gtest/gtest.h>

namespace xctl::model {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kThen{1'000'000s};

struct Case {
    const char* what;
    ExitRecord exit;
    EndRequest request;
    std::optional<Error> failure;
    Cause cause;
    bool failed;
    const char* by;
};

Error failure_at(const char* step) { return {Errc::launch_failed, ENOENT, "it failed", step, "/x"}; }

TEST(RunHistory, SaysWhatEndedIt) {
    const ExitRecord fine{ExitReason::exited, 0, kThen, ""};
    const ExitRecord bad{ExitReason::exited, 3, kThen, ""};
    const ExitRecord term{ExitReason::signal, 15, kThen, ""};
    const ExitRecord killed{ExitReason::signal, 9, kThen, ""};
    const ExitRecord unlaunched{ExitReason::launch_failed, 0, kThen, "it failed"};
    const auto stop = EndRequest::of_user("stop", "uid 5");
    auto late = stop;
    late.timed_out = true;
    const auto kill = EndRequest::of_user("kill", "uid 5", 15);
    const Case cases[]{
        {"by itself", fine, {}, {}, Cause::itself, false, ""},
        {"by itself, badly", bad, {}, {}, Cause::itself, true, ""},
        {"stopped", term, stop, {}, Cause::user, false, "stop by uid 5"},
        {"stopped, with an exit code", bad, stop, {}, Cause::user, false, "stop by uid 5"},
        {"stopped, but only by force", killed, late, {}, Cause::user, true, "stop by uid 5"},
        {"killed", term, kill, {}, Cause::user, false, "kill SIGTERM by uid 5"},
        {"another signal than was sent", killed, kill, {}, Cause::itself, true, ""},
        {"it caught what was sent", bad, kill, {}, Cause::itself, true, ""},
        {"systemd", term, {Cause::systemd, "a stop of x.scope"}, {}, Cause::systemd, false, "a stop of x.scope"},
        {"out of memory", {ExitReason::oom_kill, 9, kThen, ""}, {}, {}, Cause::oom, true, ""},
        {"nobody knows", {ExitReason::unknown, 0, kThen, ""}, {}, {}, Cause::daemon, true, ""},
        {"never launched", unlaunched, {}, failure_at("mount"), Cause::launch, true, ""},
        {"a hook", unlaunched, {}, failure_at("hook"), Cause::hook, true, ""},
        {"a hook of the start", unlaunched, {}, failure_at("start hook"), Cause::hook, true, ""},
        {"stopped while it was launched", unlaunched, stop, failure_at("mount"), Cause::user, false, "stop by uid 5"},
    };
    for (const auto& row : cases) {
        const auto run = make_run_record({}, {}, row.exit, row.request, row.failure, "");
        EXPECT_EQ(name_of(kCauses, run.cause), name_of(kCauses, row.cause)) << row.what;
        EXPECT_EQ(run.failed(), row.failed) << row.what;
        EXPECT_EQ(run.by, row.by) << row.what;
    }
}

TEST(RunHistory, AFailedLaunchHasItsStepAndNoStart) {
    Machine machine;
    machine.runs = 7;
    const auto failed =
        make_run_record(machine, kThen, {ExitReason::launch_failed, 0, kThen, "m"}, {}, failure_at("mount"), "");
    EXPECT_EQ(failed.number, 7U);
    EXPECT_EQ(failed.started, TimePoint{});
    EXPECT_EQ(failed.step, "mount");
    EXPECT_EQ(failed.path, "/x");
    EXPECT_EQ(failed.error, ENOENT);
    EXPECT_EQ(make_run_record(machine, kThen, {}, {}, std::nullopt, "").started, kThen);
}

TEST(RunHistory, KeepsTheLatestAndFindsTheLastFailure) {
    std::vector<RunRecord> history;
    EXPECT_EQ(find_failure(history), nullptr);
    for (std::uint64_t number = 1; number <= 5; ++number) {
        RunRecord run;
        run.number = number;
        run.exit = {ExitReason::exited, number == 4 ? 1 : 0, kThen, ""};
        remember(history, run, 3);
    }
    ASSERT_EQ(history.size(), 3U);
    EXPECT_EQ(history.front().number, 3U);
    EXPECT_EQ(find_failure(history)->number, 4U);
    remember(history, history.back(), 1);
    EXPECT_EQ(find_failure(history)->number, 5U) << "without a failure, the last";
}

}  // namespace
}  // namespace xctl::model
