// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/container.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>

#include "lib/base/text.hpp"
#include "lib/oci/names.hpp"

namespace xctl::model {
namespace {

using Actions = std::vector<Action>;
using Millis = std::chrono::milliseconds;

struct Context {
    Machine& machine;
    const RestartPolicy& policy;
    Instant now;
    const ExitRecord& exit;
    double chance;
};

Actions begin_run(Context& c, bool by_policy) {
    c.machine.state = State::starting;
    c.machine.by_policy = by_policy;
    c.machine.start_again = false;
    c.machine.stop_asked = false;
    c.machine.next_start = {};
    ++c.machine.runs;
    return {Action::launch};
}

Actions begin_run_by_person(Context& c) {
    c.machine.restarts = 0;
    c.machine.recent.clear();
    return begin_run(c, false);
}

Actions cancel_and_begin(Context& c) {
    auto actions = begin_run_by_person(c);
    actions.insert(actions.begin(), Action::cancel_restart);
    return actions;
}

Actions begin_run_by_policy(Context& c) {
    ++c.machine.restarts;
    c.machine.recent.push_back(c.now);
    return begin_run(c, true);
}

Actions become_running(Context& c) {
    c.machine.state = State::running;
    c.machine.started = c.now;
    return {};
}

bool is_number(std::string_view word) { return parse_unsigned(word).has_value(); }

bool names(const ExitWords& words, const ExitRecord& exit) {
    const bool signaled = exit.reason == ExitReason::signal || exit.reason == ExitReason::oom_kill;
    if (!signaled && exit.reason != ExitReason::exited) return false;
    return std::ranges::any_of(words, [&](const std::string& word) {
        if (is_number(word)) return !signaled && word == std::to_string(exit.status);
        return signaled && oci::parse_signal(word) == exit.status;
    });
}

Millis restart_delay(const Context& c) {
    const auto& policy = c.policy;
    const auto power = static_cast<double>(std::min<std::uint64_t>(c.machine.restarts, 64));
    const double grown = static_cast<double>(policy.delay.count()) * std::pow(policy.multiplier, power);
    const double delay = std::min(grown, static_cast<double>(policy.max_delay.count()));
    return Millis(static_cast<std::int64_t>(delay * (1 + policy.jitter * c.chance)));
}

/// Forgets restarts that left the window; true when the limit forbids one more.
bool limit_reached(Context& c) {
    std::erase_if(c.machine.recent, [&](Instant at) { return at + c.policy.window < c.now; });
    return c.policy.limit > 0 && c.machine.recent.size() >= c.policy.limit;
}

Actions give_up_restarting(Context& c) {
    auto& machine = c.machine;
    machine.state = State::failed;
    machine.next_start = {};
    machine.last_exit.message +=
        std::format("{}restarted {} times within {} s, giving up", machine.last_exit.message.empty() ? "" : "; ",
                    machine.recent.size(), c.policy.window.count() / 1000);
    return {Action::report_crash_loop};
}

/// A launch that failed was no run, however long ago the last one began.
Actions end_by_policy(Context& c, bool ran) {
    auto& machine = c.machine;
    machine.last_exit = c.exit;
    machine.ended = c.now;
    machine.state = State::stopped;
    if (!wants_restart(c.policy, c.exit)) return {};
    if (ran && c.now - machine.started > c.policy.window) machine.restarts = 0;
    if (limit_reached(c)) return give_up_restarting(c);
    machine.state = State::waiting;
    machine.next_start = c.now + restart_delay(c);
    return {Action::arm_restart};
}

Actions end_run(Context& c) { return end_by_policy(c, true); }

Actions end_unlaunched(Context& c) { return end_by_policy(c, false); }

Actions end_failed_launch(Context& c) {
    if (c.machine.by_policy) return end_unlaunched(c);
    c.machine.last_exit = c.exit;
    c.machine.state = State::stopped;
    return {};
}

Actions ask_to_stop(Context& c, Actions actions) {
    c.machine.state = State::stopping;
    c.machine.start_again = false;
    c.machine.stop_asked = true;
    return actions;
}

Actions begin_stop(Context& c) { return ask_to_stop(c, {Action::signal}); }

/// A frozen process acts on no signal but SIGKILL.
Actions thaw_and_stop(Context& c) { return ask_to_stop(c, {Action::thaw, Action::signal}); }

Actions abandon_launch(Context& c) { return ask_to_stop(c, {Action::kill}); }

Actions begin_restart(Context& c) {
    auto actions = begin_stop(c);
    c.machine.start_again = true;
    return actions;
}

Actions thaw_and_restart(Context& c) {
    auto actions = thaw_and_stop(c);
    c.machine.start_again = true;
    return actions;
}

Actions relaunch(Context& c) {
    auto actions = abandon_launch(c);
    c.machine.start_again = true;
    return actions;
}

Actions kill_late(Context&) { return {Action::kill}; }

Actions keep_stopping(Context& c) {
    c.machine.start_again = false;
    return {};
}

Actions finish_stop(Context& c) {
    c.machine.last_exit = c.exit;
    if (c.machine.start_again) return begin_run_by_person(c);
    c.machine.state = State::stopped;
    return {};
}

Actions become_paused(Context& c) {
    c.machine.state = State::paused;
    return {Action::freeze};
}

Actions go_on(Context& c) {
    c.machine.state = State::running;
    return {Action::thaw};
}

Actions become_quarantined(Context& c) {
    c.machine.state = State::quarantined;
    return {};
}

/// It has been killed already; what is asked for now holds for when it has gone.
Actions note_stop(Context& c) {
    c.machine.stop_asked = true;
    c.machine.start_again = false;
    return {};
}

Actions leave_quarantine(Context& c) { return c.machine.stop_asked ? finish_stop(c) : end_run(c); }

Actions leave_quarantine_unlaunched(Context& c) { return c.machine.stop_asked ? finish_stop(c) : end_failed_launch(c); }

Actions forget_restarts(Context& c) {
    if (c.machine.state == State::failed) c.machine.state = State::stopped;
    c.machine.restarts = 0;
    c.machine.recent.clear();
    return {};
}

Actions give_up_waiting(Context& c) {
    c.machine.state = State::stopped;
    c.machine.next_start = {};
    return {Action::cancel_restart};
}

/// The new policy decides about the last end once more.
Actions reconsider(Context& c) {
    if (!wants_restart(c.policy, c.machine.last_exit)) return give_up_waiting(c);
    if (limit_reached(c)) {
        auto actions = give_up_restarting(c);
        actions.insert(actions.begin(), Action::cancel_restart);
        return actions;
    }
    c.machine.next_start = c.machine.ended + restart_delay(c);
    return {Action::arm_restart};
}

Actions note_frozen(Context& c) {
    c.machine.state = State::paused;
    return {};
}

Actions note_thawed(Context& c) {
    c.machine.state = State::running;
    return {};
}

Actions do_nothing(Context&) { return {}; }

struct Row {
    State state;
    Trigger trigger;
    Actions (*step)(Context&);
};

constexpr std::array kTransitions{
    Row{State::created, Trigger::start, begin_run_by_person},
    Row{State::created, Trigger::restart, begin_run_by_person},
    Row{State::created, Trigger::stop, do_nothing},
    Row{State::starting, Trigger::launched, become_running},
    Row{State::starting, Trigger::launch_failed, end_failed_launch},
    Row{State::starting, Trigger::exited, end_unlaunched},
    Row{State::starting, Trigger::stop, abandon_launch},
    Row{State::starting, Trigger::restart, relaunch},
    Row{State::running, Trigger::exited, end_run},
    Row{State::running, Trigger::stop, begin_stop},
    Row{State::running, Trigger::restart, begin_restart},
    Row{State::stopping, Trigger::stop, keep_stopping},
    Row{State::stopping, Trigger::stop_timeout, kill_late},
    Row{State::stopping, Trigger::launched, do_nothing},
    Row{State::stopping, Trigger::launch_failed, finish_stop},
    Row{State::stopping, Trigger::exited, finish_stop},
    Row{State::stopped, Trigger::start, begin_run_by_person},
    Row{State::stopped, Trigger::restart, begin_run_by_person},
    Row{State::stopped, Trigger::stop, do_nothing},
    Row{State::failed, Trigger::start, begin_run_by_person},
    Row{State::failed, Trigger::restart, begin_run_by_person},
    Row{State::failed, Trigger::stop, do_nothing},
    Row{State::waiting, Trigger::timer, begin_run_by_policy},
    Row{State::waiting, Trigger::start, cancel_and_begin},
    Row{State::waiting, Trigger::restart, cancel_and_begin},
    Row{State::waiting, Trigger::stop, give_up_waiting},
    Row{State::waiting, Trigger::policy_changed, reconsider},
    Row{State::running, Trigger::pause, become_paused},
    Row{State::paused, Trigger::resume, go_on},
    Row{State::running, Trigger::frozen, note_frozen},
    Row{State::paused, Trigger::thawed, note_thawed},
    Row{State::paused, Trigger::exited, end_run},
    Row{State::paused, Trigger::stop, thaw_and_stop},
    Row{State::paused, Trigger::restart, thaw_and_restart},
    Row{State::starting, Trigger::stuck, become_quarantined},
    Row{State::running, Trigger::stuck, become_quarantined},
    Row{State::paused, Trigger::stuck, become_quarantined},
    Row{State::stopping, Trigger::stuck, become_quarantined},
    Row{State::quarantined, Trigger::stop, note_stop},
    Row{State::quarantined, Trigger::launched, do_nothing},
    Row{State::quarantined, Trigger::launch_failed, leave_quarantine_unlaunched},
    Row{State::quarantined, Trigger::exited, leave_quarantine},
};

}  // namespace

Result<std::vector<Action>> advance(Machine& machine, Trigger trigger, const RestartPolicy& policy, Instant now,
                                    const ExitRecord& exit, double chance) {
    Context context{machine, policy, now, exit, chance};
    if (trigger == Trigger::reset) return forget_restarts(context);  // in every state
    for (const auto& row : kTransitions)
        if (row.state == machine.state && row.trigger == trigger) return row.step(context);
    return fail(Errc::wrong_state, std::format("the container is {}", name_of(kStates, machine.state)));
}

bool is_at_rest(State state) { return state == State::stopped || state == State::failed; }

bool has_run(State state) { return state != State::created && !is_at_rest(state) && state != State::waiting; }

bool wants_restart(const RestartPolicy& policy, const ExitRecord& exit) {
    if (policy.when == RestartWhen::no || names(policy.prevent, exit)) return false;
    if (names(policy.force, exit)) return true;
    return policy.when != RestartWhen::on_failure || exit.failed();
}

bool is_exit_word(std::string_view word) {
    constexpr std::uint64_t kLastCode = 255;
    if (!is_number(word)) return oci::parse_signal(word).has_value();
    return word == std::to_string(*parse_unsigned(word)) && *parse_unsigned(word) <= kLastCode;
}

std::string_view oci_status(State state) {
    switch (state) {
        case State::created: return "created";
        case State::starting: return "creating";
        case State::running:
        case State::quarantined:
        case State::stopping: return "running";
        case State::paused: return "paused";
        case State::stopped:
        case State::failed:
        case State::waiting: return "stopped";
    }
    return "stopped";
}

}  // namespace xctl::model
