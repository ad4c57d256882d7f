// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>

namespace xctl {
namespace {

using Actions = std::vector<Action>;
using Millis = std::chrono::milliseconds;

struct Context {
    Machine& machine;
    const RestartPolicy& policy;
    TimePoint now;
    const ExitRecord& exit;
};

Actions begin_run(Context& c, bool by_policy) {
    c.machine.state = State::starting;
    c.machine.by_policy = by_policy;
    c.machine.start_again = false;
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

bool policy_wants_restart(const Context& c) {
    switch (c.policy.when) {
        case RestartWhen::no: return false;
        case RestartWhen::on_failure: return c.exit.failed();
        case RestartWhen::always: return true;
    }
    return false;
}

Millis restart_delay(const RestartPolicy& policy, std::uint64_t restarts) {
    const double factor = std::pow(policy.multiplier, static_cast<double>(std::min<std::uint64_t>(restarts, 64)));
    const double delay = static_cast<double>(policy.delay.count()) * factor;
    return std::min(policy.max_delay, Millis(static_cast<std::int64_t>(std::min(delay, 1e12))));
}

/// Forgets restarts that left the window; true when the limit forbids one more.
bool limit_reached(Context& c) {
    std::erase_if(c.machine.recent, [&](TimePoint at) { return at + c.policy.window < c.now; });
    return c.policy.limit > 0 && c.machine.recent.size() >= c.policy.limit;
}

Actions end_run(Context& c) {
    auto& machine = c.machine;
    // A launch that failed was no run, however long ago the last one began.
    const bool ran = machine.state == State::running;
    machine.last_exit = c.exit;
    machine.state = State::stopped;
    if (!policy_wants_restart(c)) return {};
    if (ran && c.now - machine.started > c.policy.window) machine.restarts = 0;
    if (limit_reached(c)) {
        machine.last_exit.message += std::format("{}restarted {} times within {} s, giving up",
                                                 machine.last_exit.message.empty() ? "" : "; ",
                                                 machine.recent.size(), c.policy.window.count() / 1000);
        return {};
    }
    machine.state = State::waiting;
    machine.next_start = c.now + restart_delay(c.policy, machine.restarts);
    return {Action::arm_restart};
}

Actions end_failed_launch(Context& c) {
    if (c.machine.by_policy) return end_run(c);
    c.machine.last_exit = c.exit;
    c.machine.state = State::stopped;
    return {};
}

Actions begin_stop(Context& c) {
    c.machine.state = State::stopping;
    c.machine.start_again = false;
    return {Action::signal};
}

Actions abandon_launch(Context& c) {
    c.machine.state = State::stopping;
    c.machine.start_again = false;
    return {Action::kill};
}

Actions begin_restart(Context& c) {
    auto actions = begin_stop(c);
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

Actions give_up_waiting(Context& c) {
    c.machine.state = State::stopped;
    c.machine.next_start = {};
    return {Action::cancel_restart};
}

Actions nothing(Context&) { return {}; }

struct Row {
    State state;
    Trigger trigger;
    Actions (*step)(Context&);
};

constexpr std::array kTransitions{
    Row{State::created, Trigger::start, begin_run_by_person},
    Row{State::created, Trigger::restart, begin_run_by_person},
    Row{State::created, Trigger::stop, nothing},
    Row{State::starting, Trigger::launched, become_running},
    Row{State::starting, Trigger::launch_failed, end_failed_launch},
    Row{State::starting, Trigger::exited, end_run},
    Row{State::starting, Trigger::stop, abandon_launch},
    Row{State::starting, Trigger::restart, relaunch},
    Row{State::running, Trigger::exited, end_run},
    Row{State::running, Trigger::stop, begin_stop},
    Row{State::running, Trigger::restart, begin_restart},
    Row{State::stopping, Trigger::stop, keep_stopping},
    Row{State::stopping, Trigger::stop_timeout, kill_late},
    Row{State::stopping, Trigger::launched, nothing},
    Row{State::stopping, Trigger::launch_failed, finish_stop},
    Row{State::stopping, Trigger::exited, finish_stop},
    Row{State::stopped, Trigger::start, begin_run_by_person},
    Row{State::stopped, Trigger::restart, begin_run_by_person},
    Row{State::stopped, Trigger::stop, nothing},
    Row{State::waiting, Trigger::timer, begin_run_by_policy},
    Row{State::waiting, Trigger::start, cancel_and_begin},
    Row{State::waiting, Trigger::restart, cancel_and_begin},
    Row{State::waiting, Trigger::stop, give_up_waiting},
};

}  // namespace

Result<std::vector<Action>> advance(Machine& machine, Trigger trigger, const RestartPolicy& policy, TimePoint now,
                                    const ExitRecord& exit) {
    for (const auto& row : kTransitions) {
        if (row.state != machine.state || row.trigger != trigger) continue;
        Context context{machine, policy, now, exit};
        return row.step(context);
    }
    return fail(Errc::wrong_state, std::format("the container is {}", name_of(kStates, machine.state)));
}

std::string_view oci_status(State state) {
    switch (state) {
        case State::created: return "created";
        case State::starting: return "creating";
        case State::running:
        case State::stopping: return "running";
        case State::stopped:
        case State::waiting: return "stopped";
    }
    return "stopped";
}

}  // namespace xctl
