// SPDX-License-Identifier: LGPL-2.1-or-later
// The life of one container as a pure state machine: events in, actions out, no I/O and no clock of its own.
//
//   created    defined, never ran in this boot
//   starting   being launched
//   running    its init executes the program
//   stopping   asked to stop (or to restart): the stop signal was sent, its timer runs
//   stopped    ended, and nothing will start it by itself
//   failed     the same, since the policy has given up: it ended too often
//   waiting    ended, and the restart policy's timer runs
//   paused     running, but all its processes are frozen, by us or through its unit
//   quarantined  killed, but the kernel cannot let go of its processes: nothing can be done until it does
//
// created, stopped, failed ──start──▶ starting ──launched──▶ running ──exited──▶ stopped | waiting | failed
// starting ──launch_failed──▶ stopped | waiting | failed    waiting ──timer──▶ starting
// starting, running ──stop──▶ stopping ──exited──▶ stopped  stopping ──stop_timeout──▶ stopping (killed)
// starting, running ──restart──▶ stopping ──exited──▶ starting
// waiting ──stop──▶ stopped                        waiting, created, stopped, failed ──restart──▶ starting
// waiting ──policy_changed──▶ waiting | stopped | failed    failed ──reset──▶ stopped
// running ──pause, frozen──▶ paused ──resume, thawed──▶ running    paused ──stop, restart──▶ stopping (thawed first)
// starting, running, paused, stopping ──stuck──▶ quarantined ──exited──▶ as if it had ended before
//
// A stop asked for by a person or by systemd always ends in stopped: the policy is not consulted. A failed first
// launch is the caller's to see, so only launches made by the policy itself are tried again.
//
// A container placed in a systemd unit (oci@NAME) takes the same path, but its restarts are systemd's, so the
// machine treats its policy as `no`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/table.hpp"

namespace xctl::model {

/// By the wall clock, which is only shown: somebody may set it.
using TimePoint = std::chrono::system_clock::time_point;
/// By CLOCK_MONOTONIC, from which delays, limits and windows are counted. It goes with the boot, as all records do.
using Instant = std::chrono::steady_clock::time_point;

enum class State : std::uint8_t { created, starting, running, stopping, stopped, waiting, paused, quarantined, failed };
inline constexpr std::array<Named<State>, 9> kStates{{
    {"created", State::created}, {"starting", State::starting}, {"running", State::running},
    {"stopping", State::stopping}, {"stopped", State::stopped}, {"waiting", State::waiting},
    {"paused", State::paused}, {"quarantined", State::quarantined}, {"failed", State::failed},
}};

enum class RestartWhen : std::uint8_t { no, on_failure, always, unless_stopped };
inline constexpr std::array<Named<RestartWhen>, 4> kRestartPolicies{{
    {"no", RestartWhen::no}, {"on-failure", RestartWhen::on_failure}, {"always", RestartWhen::always},
    {"unless-stopped", RestartWhen::unless_stopped},
}};

/// Ends of a run: exit codes as decimal numbers, and names of signals.
using ExitWords = std::vector<std::string>;
[[nodiscard]] bool is_exit_word(std::string_view word);

/// `prevent` and then `force` decide for the ends that they name, `when` for all others. It makes no difference here
/// between always and unless-stopped, which differ at boot.
/// The n-th consecutive restart waits delay * multiplier^n, at most max_delay, and then longer by a random part of up
/// to `jitter` of that. A run that lasted longer than `window` starts the count anew. More than `limit` restarts within
/// `window` end in failed; 0: no limit.
struct RestartPolicy {
    RestartWhen when = RestartWhen::no;
    ExitWords force, prevent;
    double jitter = 0;
    std::chrono::milliseconds delay{100};
    std::chrono::milliseconds max_delay{60'000};
    double multiplier = 2.0;
    std::uint64_t limit = 20;
    std::chrono::milliseconds window{600'000};

    bool operator==(const RestartPolicy&) const = default;
};

enum class ExitReason : std::uint8_t { none, exited, signal, oom_kill, launch_failed, unknown };
inline constexpr std::array<Named<ExitReason>, 6> kExitReasons{{
    {"", ExitReason::none}, {"exited", ExitReason::exited}, {"signal", ExitReason::signal},
    {"oom-kill", ExitReason::oom_kill}, {"launch-failed", ExitReason::launch_failed}, {"unknown", ExitReason::unknown},
}};

struct ExitRecord {
    ExitReason reason = ExitReason::none;
    int status = 0;  // exit code, or the signal's number
    TimePoint time{};
    std::string message{};

    [[nodiscard]] bool failed() const { return reason != ExitReason::exited || status != 0; }
};

enum class Trigger : std::uint8_t {
    start, launched, launch_failed, exited, stop, stop_timeout, restart, timer, pause, resume, stuck, reset,
    policy_changed,  // while the next start is awaited
    frozen, thawed,  // by somebody else, through its unit
};

enum class Action : std::uint8_t {
    launch,             // begin a run
    signal,             // send the stop signal and arm the stop timer
    kill,               // kill every process of the container, or abandon the launch
    arm_restart,        // wait Machine::next_start
    cancel_restart,
    freeze,
    thaw,
    report_crash_loop,  // the limit forbids one more restart
};

/// What must survive the daemon; saved on every change.
struct Machine {
    State state = State::created;
    bool start_again = false;        // stopping on the way to a restart
    bool stop_asked = false;         // the current run is to end, so that the policy is not consulted
    bool by_policy = false;          // the current launch was the policy's decision
    std::uint64_t runs = 0;
    std::uint64_t restarts = 0;      // consecutive, by the policy
    Instant started{};
    Instant ended{};                 // other than as somebody asked for
    Instant next_start{};
    std::vector<Instant> recent;     // restarts within the policy's window
    ExitRecord last_exit;
};

/// Whether a run is under way: there may be processes.
[[nodiscard]] bool has_run(State state);

/// Whether its last run has ended and nothing of ours begins another.
[[nodiscard]] bool is_at_rest(State state);

/// Whether the policy starts a container again that ended so, as long as the limit is not reached.
[[nodiscard]] bool wants_restart(const RestartPolicy& policy, const ExitRecord& exit);

/// Applies one event. An event that the state does not allow is Errc::wrong_state and changes nothing. `chance`, from 0
/// to 1, is what jitter is made of.
Result<std::vector<Action>> advance(Machine& machine, Trigger trigger, const RestartPolicy& policy, Instant now,
                                    const ExitRecord& exit = {}, double chance = 0);

/// The runtime specification's word for a state.
[[nodiscard]] std::string_view oci_status(State state);

}  // namespace xctl::model
