// SPDX-License-Identifier: LGPL-2.1-or-later
// The state machine against a model of what people may rely on, over random events and a clock of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <format>
#include <optional>
#include <random>
#include <utility>

#include "daemon/model/container.hpp"

namespace xctl::model {
namespace {

using namespace std::chrono_literals;
using Actions = std::vector<Action>;
using Random = std::mt19937;

constexpr unsigned kModelSeed = 20'250'101;
constexpr int kSequences = 4000;
constexpr int kEvents = 120;

unsigned pick(Random& random, unsigned count) { return std::uniform_int_distribution<unsigned>(0, count - 1)(random); }

/// Knows no states: only whether there is a run, who asked for what, and when restarts were made.
struct Model {
    bool run = false, up = false, ending = false, again = false;
    bool frozen = false, stuck = false;
    bool timer = false;
    bool by_policy = false;
    bool ran_ever = false;
    bool gave_up = false;
    ExitRecord last;
    Instant ended{};
    Instant since{};
    Instant due{};
    std::uint64_t in_a_row = 0;
    std::vector<Instant> restarts;  // by the policy, since a person's last start

    Actions launch(bool policy_asks) {
        run = ran_ever = true;
        up = ending = again = timer = frozen = stuck = gave_up = false;
        by_policy = policy_asks;
        return {Action::launch};
    }

    Actions launch_for_a_person() {
        in_a_row = 0;
        restarts.clear();
        return launch(false);
    }

    Actions start() {
        const bool cancels = timer;
        auto actions = launch_for_a_person();
        if (cancels) actions.insert(actions.begin(), Action::cancel_restart);
        return actions;
    }

    Actions end_asked_for() {
        const bool start_now = again;
        run = up = ending = again = frozen = stuck = false;
        return start_now ? launch_for_a_person() : Actions{};
    }

    /// As the manual page says it.
    static bool goes_on(const RestartPolicy& policy, const ExitRecord& exit) {
        const auto named = [&](const ExitWords& words) {
            if (exit.reason == ExitReason::exited) return std::ranges::count(words, exit.status == 0 ? "0" : "1") > 0;
            const bool by_signal = exit.reason == ExitReason::signal || exit.reason == ExitReason::oom_kill;
            return by_signal && exit.status == 1 && std::ranges::count(words, "HUP") > 0;
        };
        if (policy.when == RestartWhen::no) return false;
        if (named(policy.prevent)) return false;
        if (named(policy.force)) return true;
        return policy.when != RestartWhen::on_failure || exit.reason != ExitReason::exited || exit.status != 0;
    }

    Actions end_by_itself(const RestartPolicy& policy, Instant now, const ExitRecord& exit, double chance) {
        const bool long_run = up && now - since > policy.window;
        run = up = frozen = stuck = false;
        last = exit;
        ended = now;
        if (!goes_on(policy, exit)) return {};
        if (long_run) in_a_row = 0;
        return plan_restart(policy, now, now, chance);
    }

    Actions plan_restart(const RestartPolicy& policy, Instant now, Instant from, double chance) {
        const auto within = std::ranges::count_if(restarts, [&](Instant at) { return at >= now - policy.window; });
        if (policy.limit != 0 && within >= static_cast<long>(policy.limit)) {
            gave_up = true;
            return {Action::report_crash_loop};
        }
        double delay = static_cast<double>(policy.delay.count());
        for (std::uint64_t i = 0; i < in_a_row && delay < 1e9; ++i) delay *= policy.multiplier;
        delay = std::min(delay, static_cast<double>(policy.max_delay.count()));
        delay += delay * policy.jitter * chance;
        due = from + std::chrono::milliseconds(static_cast<std::int64_t>(delay));
        timer = true;
        return {Action::arm_restart};
    }

    Actions decide_anew(const RestartPolicy& policy, Instant now, double chance) {
        if (!goes_on(policy, last)) return stop();
        timer = false;
        auto actions = plan_restart(policy, now, ended, chance);
        if (gave_up) actions.insert(actions.begin(), Action::cancel_restart);
        return actions;
    }

    Actions stop() {
        again = false;
        if (timer) {
            timer = false;
            return {Action::cancel_restart};
        }
        if (!run || ending) return {};
        ending = true;
        if (stuck) return {};
        if (std::exchange(frozen, false)) return {Action::thaw, Action::signal};
        return {up ? Action::signal : Action::kill};
    }

    Actions restart() {
        if (!run) return start();
        auto actions = stop();
        again = true;
        return actions;
    }

    /// Nothing: not possible now.
    std::optional<Actions> step(Trigger trigger, const RestartPolicy& policy, Instant now, const ExitRecord& exit,
                                double chance) {
        const bool runs = run && up && !ending && !stuck;
        switch (trigger) {
            case Trigger::pause:
                if (!runs || frozen) return std::nullopt;
                frozen = true;
                return Actions{Action::freeze};
            case Trigger::resume:
                if (!runs || !frozen) return std::nullopt;
                frozen = false;
                return Actions{Action::thaw};
            case Trigger::stuck:
                if (!run || stuck) return std::nullopt;
                stuck = true;
                return Actions{};
            case Trigger::frozen:
                if (!runs || frozen) return std::nullopt;
                frozen = true;
                return Actions{};
            case Trigger::thawed:
                if (!runs || !frozen) return std::nullopt;
                frozen = false;
                return Actions{};
            case Trigger::policy_changed:
                return timer ? std::optional(decide_anew(policy, now, chance)) : std::nullopt;
            case Trigger::reset:
                gave_up = false;
                in_a_row = 0;
                restarts.clear();
                return Actions{};
            case Trigger::start: return run ? std::nullopt : std::optional(start());
            case Trigger::stop: return stop();
            case Trigger::restart: return ending || stuck ? std::nullopt : std::optional(restart());
            case Trigger::stop_timeout: return ending && !stuck ? std::optional(Actions{Action::kill}) : std::nullopt;
            case Trigger::launched:
                if (!run || (up && !ending && !stuck)) return std::nullopt;
                if (!ending && !stuck) up = true, since = now;
                return Actions{};
            case Trigger::launch_failed:
                if (!run || (up && !ending && !stuck)) return std::nullopt;
                if (ending) return end_asked_for();
                up = false;
                if (by_policy) return end_by_itself(policy, now, exit, chance);
                run = stuck = false;
                return Actions{};
            case Trigger::exited:
                if (!run) return std::nullopt;
                if (ending) return end_asked_for();
                // A launch that got stuck never ran, as far as anybody was told, and still counts as a run by now.
                if (stuck && !up) up = true;
                return end_by_itself(policy, now, exit, chance);
            case Trigger::timer:
                if (!timer) return std::nullopt;
                ++in_a_row;
                restarts.push_back(now);
                return launch(true);
        }
        return std::nullopt;
    }

    [[nodiscard]] State state() const {
        if (timer) return State::waiting;
        if (run && stuck) return State::quarantined;
        if (run) return ending ? State::stopping : frozen ? State::paused : up ? State::running : State::starting;
        return gave_up ? State::failed : ran_ever ? State::stopped : State::created;
    }
};

RestartPolicy random_policy(Random& random) {
    constexpr double kMultipliers[]{1, 1.5, 2, 10, 100};
    RestartPolicy policy;
    policy.when = kRestartPolicies[pick(random, 4)].value;
    for (auto* set : {&policy.force, &policy.prevent}) {
        if (pick(random, 3) == 0) set->push_back(pick(random, 2) == 0 ? "0" : "1");
        if (pick(random, 3) == 0) set->push_back("HUP");
    }
    policy.jitter = pick(random, 2) * 0.25;
    policy.delay = std::chrono::milliseconds(pick(random, 2000));
    policy.max_delay = std::chrono::milliseconds(pick(random, 20'000));
    policy.multiplier = kMultipliers[pick(random, 5)];
    policy.limit = pick(random, 6);
    policy.window = std::chrono::milliseconds(pick(random, 60'000));
    return policy;
}

ExitRecord random_exit(Random& random) {
    return {kExitReasons[1 + pick(random, 5)].value, static_cast<int>(pick(random, 2)), TimePoint{}, ""};
}

/// Events that can happen come more often than the others, or most sequences would stay at the beginning.
Trigger random_trigger(Random& random, const Machine& machine) {
    if (pick(random, 4) == 0) return static_cast<Trigger>(pick(random, 15));
    const bool other = pick(random, 6) == 0;
    switch (machine.state) {
        case State::created:
        case State::failed:
        case State::stopped: return other ? Trigger::restart : Trigger::start;
        case State::starting: return other ? Trigger::launch_failed : Trigger::launched;
        case State::running: return other ? Trigger::stop : Trigger::exited;
        case State::stopping: return other ? Trigger::stop_timeout : Trigger::exited;
        case State::waiting: return other ? Trigger::stop : Trigger::timer;
        case State::paused: return other ? Trigger::restart : Trigger::resume;
        case State::quarantined: return other ? Trigger::stop : Trigger::exited;
    }
    return Trigger::start;
}

Instant later(Random& random, Instant now, const Machine& machine, const RestartPolicy& policy) {
    switch (pick(random, 4)) {
        case 0: return now;
        case 1: return std::max(now, machine.next_start);
        case 2: return now + std::chrono::milliseconds(pick(random, 1000));
        default: return now + policy.window * static_cast<int>(pick(random, 130)) / 100;
    }
}

class Sequence {
public:
    explicit Sequence(Random& random) : random_(random), policy_(random_policy(random)) {}

    void run() {
        for (int i = 0; i < kEvents && !testing::Test::HasFailure(); ++i) {
            now_ = later(random_, now_, machine_, policy_);
            apply(random_trigger(random_, machine_));
        }
        stop_for_good();
    }

private:
    void apply(Trigger trigger) {
        const auto exit = random_exit(random_);
        const double chance = pick(random_, 5) * 0.25;
        const auto wanted = model_.step(trigger, policy_, now_, exit, chance);
        const auto actions = advance(machine_, trigger, policy_, now_, exit, chance);
        ASSERT_EQ(actions.has_value(), wanted.has_value()) << "trigger " << static_cast<int>(trigger);
        ASSERT_EQ(machine_.state, model_.state()) << "trigger " << static_cast<int>(trigger);
        if (!actions) return;
        ASSERT_EQ(*actions, *wanted) << "trigger " << static_cast<int>(trigger);
        if (trigger == Trigger::stop) stopped_ = true;
        if (trigger == Trigger::start || trigger == Trigger::restart) stopped_ = false;
        const bool launches = std::ranges::count(*actions, Action::launch) > 0;
        EXPECT_FALSE(stopped_ && launches) << "launched after a stop";
        if (machine_.state == State::waiting) {
            EXPECT_LE(std::chrono::abs(machine_.next_start - model_.due), 1ms);
            EXPECT_EQ(machine_.restarts, model_.in_a_row);
        }
        if (trigger == Trigger::timer) check_limit();
    }

    /// However it came about: never more than `limit` in any stretch of time as long as the window.
    void check_limit() const {
        if (policy_.limit == 0) return;
        const auto since = now_ - policy_.window;
        const auto within = std::ranges::count_if(model_.restarts, [&](Instant at) { return at >= since; });
        EXPECT_LE(within, static_cast<long>(policy_.limit));
    }

    void stop_for_good() {
        apply(Trigger::stop);
        const bool runs = machine_.state == State::stopping || machine_.state == State::quarantined;
        if (runs) apply(pick(random_, 2) == 0 ? Trigger::exited : Trigger::launch_failed);
        EXPECT_TRUE(machine_.runs > 0 ? is_at_rest(machine_.state) : machine_.state == State::created);
    }

    Random& random_;
    RestartPolicy policy_;
    Machine machine_;
    Model model_;
    Instant now_{1'000'000s};
    bool stopped_ = false;
};

TEST(ContainerProperties, HoldForRandomEvents) {
    for (int number = 0; number < kSequences && !HasFailure(); ++number) {
        const auto seed = kModelSeed + static_cast<unsigned>(number);
        SCOPED_TRACE(std::format("seed {}", seed));
        Random random(seed);
        Sequence(random).run();
    }
}

}  // namespace
}  // namespace xctl::model
