// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of transitions, row by row; what each does to the rest of the machine.
#include "daemon/model/container.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace xctl::model {
namespace {

using namespace std::chrono_literals;
using Actions = std::vector<Action>;

constexpr Instant kNow{1'000'000s};
constexpr TimePoint kEndTime{2'000'000s};
const ExitRecord kFailed{ExitReason::exited, 3, kEndTime, "it failed"};
const ExitRecord kFine{ExitReason::exited, 0, kEndTime, ""};
const ExitRecord kNoLaunch{ExitReason::launch_failed, 0, kEndTime, "mount: no such device"};

constexpr std::array kTriggers{
    Trigger::start, Trigger::launched,     Trigger::launch_failed, Trigger::exited,
    Trigger::stop,  Trigger::stop_timeout, Trigger::restart,       Trigger::timer,
    Trigger::pause, Trigger::resume,       Trigger::stuck,
    Trigger::policy_changed, Trigger::frozen, Trigger::thawed,
};

RestartPolicy policy(RestartWhen when) {
    RestartPolicy policy;
    policy.when = when;
    return policy;
}

/// All that a machine holds, to see whether anything changed.
auto everything_of(const Machine& m) {
    return std::make_tuple(m.state, m.start_again, m.by_policy, m.runs, m.restarts, m.started, m.next_start, m.recent,
                           m.last_exit.reason, m.last_exit.status, m.last_exit.time, m.last_exit.message);
}

struct Row {
    State from;
    Trigger trigger;
    State to;
    Actions actions;
};

/// With the policy `no`, and by a person's launch; written down apart from the machine's own table.
const std::vector<Row> kRows{
    {State::created, Trigger::start, State::starting, {Action::launch}},
    {State::created, Trigger::restart, State::starting, {Action::launch}},
    {State::created, Trigger::stop, State::created, {}},
    {State::running, Trigger::pause, State::paused, {Action::freeze}},
    {State::paused, Trigger::resume, State::running, {Action::thaw}},
    {State::paused, Trigger::exited, State::stopped, {}},
    {State::paused, Trigger::stop, State::stopping, {Action::thaw, Action::signal}},
    {State::paused, Trigger::restart, State::stopping, {Action::thaw, Action::signal}},
    {State::starting, Trigger::stuck, State::quarantined, {}},
    {State::running, Trigger::stuck, State::quarantined, {}},
    {State::paused, Trigger::stuck, State::quarantined, {}},
    {State::stopping, Trigger::stuck, State::quarantined, {}},
    {State::quarantined, Trigger::stop, State::quarantined, {}},
    {State::quarantined, Trigger::launched, State::quarantined, {}},
    {State::quarantined, Trigger::launch_failed, State::stopped, {}},
    {State::quarantined, Trigger::exited, State::stopped, {}},
    {State::starting, Trigger::launched, State::running, {}},
    {State::starting, Trigger::launch_failed, State::stopped, {}},
    {State::starting, Trigger::exited, State::stopped, {}},
    {State::starting, Trigger::stop, State::stopping, {Action::kill}},
    {State::starting, Trigger::restart, State::stopping, {Action::kill}},
    {State::running, Trigger::exited, State::stopped, {}},
    {State::running, Trigger::stop, State::stopping, {Action::signal}},
    {State::running, Trigger::restart, State::stopping, {Action::signal}},
    {State::stopping, Trigger::stop, State::stopping, {}},
    {State::stopping, Trigger::stop_timeout, State::stopping, {Action::kill}},
    {State::stopping, Trigger::launched, State::stopping, {}},
    {State::stopping, Trigger::launch_failed, State::stopped, {}},
    {State::stopping, Trigger::exited, State::stopped, {}},
    {State::stopped, Trigger::start, State::starting, {Action::launch}},
    {State::stopped, Trigger::restart, State::starting, {Action::launch}},
    {State::stopped, Trigger::stop, State::stopped, {}},
    {State::failed, Trigger::start, State::starting, {Action::launch}},
    {State::failed, Trigger::restart, State::starting, {Action::launch}},
    {State::failed, Trigger::stop, State::failed, {}},
    {State::running, Trigger::frozen, State::paused, {}},
    {State::paused, Trigger::thawed, State::running, {}},
    {State::waiting, Trigger::policy_changed, State::stopped, {Action::cancel_restart}},
    {State::waiting, Trigger::timer, State::starting, {Action::launch}},
    {State::waiting, Trigger::start, State::starting, {Action::cancel_restart, Action::launch}},
    {State::waiting, Trigger::restart, State::starting, {Action::cancel_restart, Action::launch}},
    {State::waiting, Trigger::stop, State::stopped, {Action::cancel_restart}},
};

Machine machine_in(State state) {
    Machine machine;
    machine.state = state;
    machine.runs = 7;
    machine.restarts = 2;
    machine.started = kNow - 5s;
    machine.recent = {kNow - 9s, kNow - 6s};
    machine.last_exit = kFailed;
    return machine;
}

std::string describe(State state, Trigger trigger) {
    return std::string(name_of(kStates, state)) + ", trigger " + std::to_string(static_cast<int>(trigger));
}

TEST(Transitions, EveryRow) {
    for (const auto& row : kRows) {
        SCOPED_TRACE(describe(row.from, row.trigger));
        auto machine = machine_in(row.from);
        const auto actions = advance(machine, row.trigger, policy(RestartWhen::no), kNow, kFine);
        ASSERT_TRUE(actions);
        EXPECT_EQ(*actions, row.actions);
        EXPECT_EQ(machine.state, row.to);
        const bool launches = std::ranges::count(row.actions, Action::launch) > 0;
        EXPECT_EQ(machine.runs, launches ? 8u : 7u);
        EXPECT_EQ(machine.by_policy, row.trigger == Trigger::timer);
    }
}

TEST(Transitions, EveryOtherEventIsRefusedAndChangesNothing) {
    int refused = 0;
    for (const auto& [name, state] : kStates) {
        for (const auto trigger : kTriggers) {
            const auto is_row = [&](const Row& row) { return row.from == state && row.trigger == trigger; };
            if (std::ranges::any_of(kRows, is_row)) continue;
            SCOPED_TRACE(describe(state, trigger));
            auto machine = machine_in(state);
            const auto before = everything_of(machine);
            const auto actions = advance(machine, trigger, policy(RestartWhen::always), kNow, kFine);
            ASSERT_FALSE(actions);
            EXPECT_EQ(actions.error().code, Errc::wrong_state);
            EXPECT_EQ(actions.error().message, "the container is " + std::string(name));
            EXPECT_EQ(everything_of(machine), before);
            ++refused;
        }
    }
    EXPECT_EQ(refused, 9 * 14 - 42);
}

TEST(Transitions, AStartByAPersonBeginsTheCountAnew) {
    for (const auto state : {State::created, State::stopped, State::failed, State::waiting}) {
        auto machine = machine_in(state);
        machine.next_start = kNow + 1s;
        ASSERT_TRUE(advance(machine, Trigger::start, policy(RestartWhen::always), kNow));
        EXPECT_EQ(machine.restarts, 0u);
        EXPECT_TRUE(machine.recent.empty());
        EXPECT_EQ(machine.next_start, Instant{});
    }
}

TEST(Transitions, ARestartStopsThenStarts) {
    for (const auto state : {State::starting, State::running}) {
        auto machine = machine_in(state);
        ASSERT_TRUE(advance(machine, Trigger::restart, policy(RestartWhen::no), kNow));
        EXPECT_TRUE(machine.start_again);
        const auto actions = advance(machine, Trigger::exited, policy(RestartWhen::no), kNow, kFine);
        EXPECT_EQ(actions.value(), Actions{Action::launch});
        EXPECT_EQ(machine.state, State::starting);
        EXPECT_FALSE(machine.start_again);
        EXPECT_EQ(machine.last_exit.reason, ExitReason::exited);
        EXPECT_EQ(machine.restarts, 0u);
    }
}

TEST(Transitions, AStopOverridesARestartUnderWay) {
    auto machine = machine_in(State::running);
    ASSERT_TRUE(advance(machine, Trigger::restart, policy(RestartWhen::always), kNow));
    ASSERT_TRUE(advance(machine, Trigger::stop, policy(RestartWhen::always), kNow));
    EXPECT_EQ(advance(machine, Trigger::exited, policy(RestartWhen::always), kNow, kFailed).value(), Actions{});
    EXPECT_EQ(machine.state, State::stopped);
}

TEST(Policy, DecidesByHowItEnded) {
    struct Case {
        RestartWhen when;
        ExitRecord exit;
        State wanted;
    };
    const ExitRecord killed{ExitReason::signal, 9, kEndTime, ""};
    const ExitRecord lost{ExitReason::unknown, 0, kEndTime, ""};
    const Case cases[]{
        {RestartWhen::no, kFailed, State::stopped},         {RestartWhen::no, killed, State::stopped},
        {RestartWhen::on_failure, kFine, State::stopped},   {RestartWhen::on_failure, kFailed, State::waiting},
        {RestartWhen::on_failure, killed, State::waiting},  {RestartWhen::on_failure, lost, State::waiting},
        {RestartWhen::always, kFine, State::waiting},       {RestartWhen::always, kFailed, State::waiting},
    };
    for (const auto& c : cases) {
        auto machine = machine_in(State::running);
        const auto actions = advance(machine, Trigger::exited, policy(c.when), kNow, c.exit).value();
        EXPECT_EQ(machine.state, c.wanted);
        EXPECT_EQ(actions, c.wanted == State::waiting ? Actions{Action::arm_restart} : Actions{});
        EXPECT_EQ(machine.last_exit.status, c.exit.status);
    }
}

TEST(Policy, AFailedFirstLaunchIsNotTriedAgain) {
    Machine machine;
    ASSERT_TRUE(advance(machine, Trigger::start, policy(RestartWhen::always), kNow));
    const auto actions = advance(machine, Trigger::launch_failed, policy(RestartWhen::always), kNow, kNoLaunch);
    EXPECT_EQ(actions.value(), Actions{});
    EXPECT_EQ(machine.state, State::stopped);
    EXPECT_EQ(machine.last_exit.message, "mount: no such device");
}

TEST(Policy, AFailedLaunchOfThePolicyIsTriedAgain) {
    auto machine = machine_in(State::waiting);
    ASSERT_TRUE(advance(machine, Trigger::timer, policy(RestartWhen::on_failure), kNow));
    const auto actions = advance(machine, Trigger::launch_failed, policy(RestartWhen::on_failure), kNow, kNoLaunch);
    EXPECT_EQ(actions.value(), Actions{Action::arm_restart});
    EXPECT_EQ(machine.state, State::waiting);
    EXPECT_EQ(machine.next_start, kNow + 800ms);  // the fourth in a row
}

/// Restarts as fast as the policy lets it, by a clock that only the policy moves; returns the delays.
std::vector<std::chrono::milliseconds> crash_until_stopped(const RestartPolicy& policy, Machine& machine,
                                                           std::size_t most) {
    std::vector<std::chrono::milliseconds> delays;
    auto now = kNow;
    EXPECT_TRUE(advance(machine, Trigger::start, policy, now));
    while (delays.size() < most) {
        EXPECT_TRUE(advance(machine, Trigger::launched, policy, now));
        EXPECT_TRUE(advance(machine, Trigger::exited, policy, now, kFailed));
        if (machine.state != State::waiting) break;
        delays.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(machine.next_start - now));
        now = machine.next_start;
        EXPECT_TRUE(advance(machine, Trigger::timer, policy, now));
    }
    return delays;
}

TEST(Policy, DelaysGrowUpToTheGreatest) {
    auto p = policy(RestartWhen::always);
    p.delay = 100ms;
    p.max_delay = 1s;
    p.multiplier = 3;
    p.limit = 6;
    Machine machine;
    const auto delays = crash_until_stopped(p, machine, 100);
    const std::vector<std::chrono::milliseconds> wanted{100ms, 300ms, 900ms, 1s, 1s, 1s};
    EXPECT_EQ(delays, wanted);
    EXPECT_EQ(machine.state, State::failed);
    EXPECT_EQ(machine.restarts, 6u);
    EXPECT_EQ(machine.last_exit.message, "it failed; restarted 6 times within 600 s, giving up");
}

TEST(Policy, WithoutALimitItNeverGivesUpAndNeverOverflows) {
    auto p = policy(RestartWhen::always);
    p.limit = 0;
    p.multiplier = 100;
    Machine machine;
    const auto delays = crash_until_stopped(p, machine, 500);
    ASSERT_EQ(delays.size(), 500u);
    EXPECT_EQ(delays.back(), p.max_delay);
    EXPECT_TRUE(std::ranges::is_sorted(delays));
}

TEST(Policy, ALongRunBeginsTheDelaysAnew) {
    const auto p = policy(RestartWhen::always);
    auto machine = machine_in(State::running);
    machine.restarts = 9;
    machine.started = kNow - p.window - 1ms;
    ASSERT_TRUE(advance(machine, Trigger::exited, p, kNow, kFailed));
    EXPECT_EQ(machine.restarts, 0u);
    EXPECT_EQ(machine.next_start, kNow + p.delay);
}

TEST(Policy, LaunchesThatFailForLongAreNotALongRun) {
    auto p = policy(RestartWhen::always);
    p.limit = 0;
    auto machine = machine_in(State::waiting);
    machine.restarts = 9;
    machine.started = kNow - 2 * p.window;  // the last one that ran
    ASSERT_TRUE(advance(machine, Trigger::timer, p, kNow));
    ASSERT_TRUE(advance(machine, Trigger::launch_failed, p, kNow, kNoLaunch));
    EXPECT_EQ(machine.restarts, 10u);
    EXPECT_EQ(machine.next_start, kNow + p.max_delay);
}

TEST(OciStatus, HasAWordForEveryState) {
    EXPECT_EQ(oci_status(State::created), "created");
    EXPECT_EQ(oci_status(State::starting), "creating");
    EXPECT_EQ(oci_status(State::running), "running");
    EXPECT_EQ(oci_status(State::stopping), "running");
    EXPECT_EQ(oci_status(State::stopped), "stopped");
    EXPECT_EQ(oci_status(State::waiting), "stopped");
    EXPECT_EQ(oci_status(State::failed), "stopped");
}

struct ExitCase {
    RestartWhen when;
    ExitRecord exit;
    State wanted;
};

TEST(Container, ListsOfExitsDecideBeforeThePolicy) {
    const ExitRecord term{ExitReason::signal, 15, kEndTime, ""};
    const ExitRecord oom{ExitReason::oom_kill, 9, kEndTime, ""};
    const ExitCase cases[]{
        {RestartWhen::always, kFailed, State::stopped},      // 3 is prevented
        {RestartWhen::always, term, State::stopped},         // and TERM
        {RestartWhen::always, kFine, State::waiting},
        {RestartWhen::on_failure, kFine, State::waiting},    // 0 is forced
        {RestartWhen::on_failure, oom, State::waiting},      // 9 is a signal here, and no code
        {RestartWhen::unless_stopped, kFine, State::waiting},
        {RestartWhen::no, kFine, State::stopped},            // who wants none gets none
    };
    for (const auto& [when, exit, wanted] : cases) {
        auto lists = policy(when);
        lists.prevent = {"3", "9", "TERM"};
        lists.force = {"0", "3"};
        Machine machine;
        machine.state = State::running;
        ASSERT_TRUE(advance(machine, Trigger::exited, lists, kNow, exit));
        EXPECT_EQ(machine.state, wanted) << name_of(kRestartPolicies, when) << " " << exit.status;
    }
}

TEST(Container, JitterLengthensADelay) {
    auto jittery = policy(RestartWhen::always);
    jittery.delay = 1s;
    jittery.jitter = 0.5;
    for (const auto& [chance, wanted] : {std::pair(0.0, 1000ms), std::pair(0.5, 1250ms), std::pair(1.0, 1500ms)}) {
        Machine machine;
        machine.state = State::running;
        ASSERT_TRUE(advance(machine, Trigger::exited, jittery, kNow, kFine, chance));
        EXPECT_EQ(machine.next_start - kNow, wanted);
    }
}

TEST(Container, ResetForgetsRestartsInEveryState) {
    for (const auto& state : kStates) {
        Machine machine;
        machine.state = state.value;
        machine.restarts = 3;
        machine.recent = {kNow};
        const auto actions = advance(machine, Trigger::reset, policy(RestartWhen::always), kNow);
        ASSERT_TRUE(actions);
        EXPECT_TRUE(actions->empty());
        EXPECT_EQ(machine.state, state.value == State::failed ? State::stopped : state.value);
        EXPECT_EQ(machine.restarts, 0U);
        EXPECT_TRUE(machine.recent.empty());
    }
}

TEST(Container, TheLimitIsReported) {
    auto limited = policy(RestartWhen::always);
    limited.limit = 1;
    Machine machine;
    machine.state = State::running;
    machine.recent = {kNow};
    EXPECT_EQ(advance(machine, Trigger::exited, limited, kNow, kFailed).value(), Actions{Action::report_crash_loop});
    EXPECT_EQ(machine.state, State::failed);
    EXPECT_TRUE(is_at_rest(machine.state));
    EXPECT_FALSE(has_run(machine.state));
}

TEST(Container, APolicyThatChangesWhileItWaitsDecidesAnew) {
    Machine waiting;
    waiting.state = State::running;
    ASSERT_TRUE(advance(waiting, Trigger::exited, policy(RestartWhen::always), kNow, kFine));
    ASSERT_EQ(waiting.state, State::waiting);

    auto machine = waiting;
    auto slow = policy(RestartWhen::always);
    slow.delay = 7s;
    EXPECT_EQ(advance(machine, Trigger::policy_changed, slow, kNow + 3s).value(), Actions{Action::arm_restart});
    EXPECT_EQ(machine.next_start, kNow + 7s);

    machine = waiting;
    EXPECT_EQ(advance(machine, Trigger::policy_changed, policy(RestartWhen::on_failure), kNow).value(),
              Actions{Action::cancel_restart});
    EXPECT_EQ(machine.state, State::stopped);

    machine = waiting;
    machine.recent = {kNow - 2s, kNow - 1s};
    auto limited = policy(RestartWhen::always);
    limited.limit = 2;
    EXPECT_EQ(advance(machine, Trigger::policy_changed, limited, kNow).value(),
              (Actions{Action::cancel_restart, Action::report_crash_loop}));
    EXPECT_EQ(machine.state, State::failed);
    EXPECT_EQ(machine.last_exit.message, "restarted 2 times within 600 s, giving up");
}

TEST(Container, WhatWasAskedForInQuarantineHolds) {
    Machine machine;
    machine.state = State::running;
    ASSERT_TRUE(advance(machine, Trigger::stuck, policy(RestartWhen::always), kNow));
    auto stopped = machine;
    ASSERT_TRUE(advance(machine, Trigger::exited, policy(RestartWhen::always), kNow, kFailed));
    EXPECT_EQ(machine.state, State::waiting);
    ASSERT_TRUE(advance(stopped, Trigger::stop, policy(RestartWhen::always), kNow));
    ASSERT_TRUE(advance(stopped, Trigger::exited, policy(RestartWhen::always), kNow, kFailed));
    EXPECT_EQ(stopped.state, State::stopped);

    Machine restarting;
    restarting.state = State::running;
    ASSERT_TRUE(advance(restarting, Trigger::restart, policy(RestartWhen::no), kNow));
    ASSERT_TRUE(advance(restarting, Trigger::stuck, policy(RestartWhen::no), kNow));
    EXPECT_EQ(advance(restarting, Trigger::exited, policy(RestartWhen::no), kNow, kFailed).value(),
              Actions{Action::launch});
}

}  // namespace
}  // namespace xctl::model
