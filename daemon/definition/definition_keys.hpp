// SPDX-License-Identifier: LGPL-2.1-or-later
// One row per key of a definition. Reading and writing the files, the words of `xctl set`, the published schema and
// xctl.container(5) are all read from here; nothing else lists keys.
#pragma once

#include <array>
#include <span>
#include <variant>

#include "daemon/definition/definition.hpp"
#include "daemon/definition/shares.hpp"
#include "lib/base/container_id.hpp"

namespace xctl::definition {

/// When a change counts for a container that runs.
enum class Applies : std::uint8_t { at_start, at_once };
inline constexpr std::array<Named<Applies>, 2> kApplies{{
    {"at the next start", Applies::at_start},
    {"at once", Applies::at_once},
}};

// What a key takes, and where it is in a Definition.

struct Flag {
    bool& (*at)(Definition&);
};

struct Number {
    std::uint64_t& (*at)(Definition&);
    std::uint64_t minimum, maximum;
    std::string_view unit;  // "bytes", or what else is counted
};

/// In the file microseconds.
struct Duration {
    std::chrono::milliseconds& (*at)(Definition&);
};

struct Factor {
    double& (*at)(Definition&);
    double minimum, maximum;
};

/// Absolute.
struct Path {
    std::string& (*at)(Definition&);
};

/// One that oci::parse_signal() knows.
struct Signal {
    std::string& (*at)(Definition&);
};

/// One of a few.
struct Choice {
    std::span<const std::string_view> words;
    std::string_view (*get)(const Definition&);  // empty: none
    void (*set)(Definition&, std::string_view);
};

struct Text {
    std::string& (*at)(Definition&);
    std::string (*rule)(std::string_view);  // that it breaks, or empty
};

struct List {
    std::vector<std::string>& (*at)(Definition&);
    bool (*is_valid)(std::string_view);
    std::string_view items;  // what they are, in the plural
};

/// A JSON object, as text.
struct Patch {
    std::string& (*at)(Definition&);
};

struct Key {
    std::string_view name;  // JSON pointer
    std::variant<Flag, Number, Duration, Factor, Path, Signal, Choice, Text, List, Patch> type;
    Applies applies;
    std::string_view standard;  // in words, where the default value does not speak for itself
    std::string_view help;
};

namespace rows {

/// The words of a table, for a Choice.
template <class T, std::size_t N>
consteval std::array<std::string_view, N> words_of(const std::array<Named<T>, N>& rows) {
    std::array<std::string_view, N> words;
    for (std::size_t i = 0; i < N; ++i) words[i] = rows[i].name;
    return words;
}

inline constexpr auto kPolicyWords = words_of(model::kRestartPolicies);

inline constexpr Choice kPolicy{
    kPolicyWords,
    [](const Definition& d) { return name_of(model::kRestartPolicies, d.restart.when); },
    [](Definition& d, std::string_view word) {
        d.restart.when = value_of(model::kRestartPolicies, word).value_or(model::RestartWhen::no);
    },
};

inline constexpr std::string_view kExitWords = "exit codes from 0 to 255, as strings, and names of signals";

inline constexpr std::array<std::string_view, 1> kProfileWords{"default"};
inline constexpr Choice kProfile{
    kProfileWords,
    [](const Definition& d) { return d.default_seccomp ? kProfileWords.front() : std::string_view(); },
    [](Definition& d, std::string_view word) { d.default_seccomp = word == kProfileWords.front(); },
};

inline constexpr auto kRegisterWords = words_of(kRegistrations);
inline constexpr Choice kRegister{
    kRegisterWords,
    [](const Definition& d) { return name_of(kRegistrations, d.register_when); },
    [](Definition& d, std::string_view word) {
        d.register_when = value_of(kRegistrations, word).value_or(RegisterWhen::systemd);
    },
};

inline constexpr auto kActionWords = words_of(model::kHealthActions);
inline constexpr Choice kAction{
    kActionWords,
    [](const Definition& d) { return name_of(model::kHealthActions, d.checks.when_unhealthy.action); },
    [](Definition& d, std::string_view word) {
        d.checks.when_unhealthy.action = value_of(model::kHealthActions, word).value_or(model::HealthAction::event);
    },
};

// An empty text asks for nothing, as in a Definition.
inline std::string endpoint_rule(std::string_view text) {
    return text.empty() || parse_endpoint(text) ? "" : "must be PORT or ADDRESS:PORT, with a numeric address";
}
inline std::string url_rule(std::string_view text) {
    return text.empty() || parse_url(text) ? "" : "must be http://ADDRESS[:PORT]/PATH, with a numeric address";
}
inline std::string no_rule(std::string_view) { return ""; }
inline constexpr auto kAnyWord = [](std::string_view) { return true; };
inline constexpr std::string_view kExecItems = "words: a program and its arguments";

inline bool is_bind(std::string_view text) { return parse_bind(text).has_value(); }
inline bool is_device_share(std::string_view text) { return parse_device_share(text).has_value(); }

inline bool is_container(std::string_view word) { return ContainerId::parse(word).has_value(); }

/// As the kernel has it.
inline bool is_interface(std::string_view word) {
    constexpr std::size_t kMost = 15;
    return !word.empty() && word.size() <= kMost && word != "." && word != ".." &&
           word.find_first_of("/: \t\n") == std::string_view::npos;
}

}  // namespace rows

inline constexpr auto kKeys = std::to_array<Key>({
    {"/bundle", Path{[](Definition& d) -> auto& { return d.bundle; }}, Applies::at_start, "",
     "Absolute path of the OCI bundle: a directory with config.json. The bundle is never changed"},
    {"/autostart", Flag{[](Definition& d) -> auto& { return d.autostart; }}, Applies::at_once, "",
     "Start the container at boot"},
    {"/removeWhenStopped", Flag{[](Definition& d) -> auto& { return d.remove_when_stopped; }}, Applies::at_once, "",
     "Delete the container when it has stopped for good, as `xctl run --rm` does"},
    {"/restart/policy", rows::kPolicy, Applies::at_once, "",
     "When to start the container again after it has ended by itself: never; if its exit code was not 0 or a signal "
     "ended it; or always. A container that somebody stopped stays stopped. With unless-stopped that holds across "
     "reboots, too: what somebody last started by `xctl start` starts at boot, what somebody stopped by `xctl stop` "
     "does not, and only what nobody asked for yet goes by autostart"},
    {"/restart/preventExitStatus",
     List{[](Definition& d) -> auto& { return d.restart.prevent; }, model::is_exit_word, rows::kExitWords},
     Applies::at_once, "", "Do not start it again after these, whatever the policy says"},
    {"/restart/forceExitStatus",
     List{[](Definition& d) -> auto& { return d.restart.force; }, model::is_exit_word, rows::kExitWords},
     Applies::at_once, "",
     "Start it again after these, unless the policy is no or they are prevented"},
    {"/restart/delayUSec", Duration{[](Definition& d) -> auto& { return d.restart.delay; }}, Applies::at_once, "",
     "Wait this long before the first restart in a row"},
    {"/restart/maxDelayUSec", Duration{[](Definition& d) -> auto& { return d.restart.max_delay; }}, Applies::at_once,
     "", "Never wait longer than this"},
    {"/restart/multiplier", Factor{[](Definition& d) -> auto& { return d.restart.multiplier; }, 1, 100},
     Applies::at_once, "", "Each further restart in a row waits this many times longer than the one before"},
    {"/restart/jitter", Factor{[](Definition& d) -> auto& { return d.restart.jitter; }, 0, 1}, Applies::at_once, "",
     "Each delay is longer by a random part of it, of up to this size, so that not all containers of a host start at "
     "once"},
    {"/restart/limit", Number{[](Definition& d) -> auto& { return d.restart.limit; }, 0, 1'000'000, "restarts"},
     Applies::at_once, "",
     "Give up after this many restarts within the window: the container is failed then, with an event crash-loop. 0: "
     "never. `xctl reset` forgets the restarts so far"},
    {"/restart/windowUSec", Duration{[](Definition& d) -> auto& { return d.restart.window; }}, Applies::at_once, "",
     "The window of the limit. A run that lasted longer starts the delays anew"},
    {"/history", Number{[](Definition& d) -> auto& { return d.history; }, 1, kMaxHistory, "runs"}, Applies::at_once, "",
     "How many runs are remembered for `xctl history` and `xctl why`"},
    {"/console/scrollback",
     Number{[](Definition& d) -> auto& { return d.scrollback; }, kMinScrollback, kMaxScrollback, "bytes"},
     Applies::at_once, "",
     "How much of what the container printed is kept for those who attach later. What fits is kept when it is changed"},
    {"/console/persistent", Flag{[](Definition& d) -> auto& { return d.persistent_console; }}, Applies::at_once, "",
     "Keep it across a reboot, too: it is written to /var/lib/xctl/consoles/NAME/console when a run ends and when "
     "xctld ends, and taken up in the next boot with the same offsets. After a power failure what the last run "
     "printed is missing"},
    {"/journal/burst", Number{[](Definition& d) -> auto& { return d.journal_limit.burst; }, 0, 1'000'000'000, "lines"},
     Applies::at_once, "",
     "Send at most this many lines to the journal within each interval. What goes beyond is dropped there, not from "
     "the console, and an entry says how many lines were. 0: send all; the journal itself limits each unit, see "
     "RateLimitBurst= in journald.conf(5)"},
    {"/journal/intervalUSec", Duration{[](Definition& d) -> auto& { return d.journal_limit.interval; }},
     Applies::at_once, "", "The interval of that limit"},
    {"/stop/signal", Signal{[](Definition& d) -> auto& { return d.stop_signal; }}, Applies::at_once,
     "TERM, or what suits the payload", "Name of the signal that asks the container's first process to end"},
    {"/stop/timeoutUSec", Duration{[](Definition& d) -> auto& { return d.stop_timeout; }}, Applies::at_once, "",
     "Kill all its processes if it has not ended by then"},
    {"/idle/timeoutUSec", Duration{[](Definition& d) -> auto& { return d.idle_timeout; }}, Applies::at_once, "0: never",
     "Stop it when nobody has been connected for so long to the stream sockets of oci@NAME.socket, which started it; "
     "the next connection starts it again. A connection that lasts less than a second may not be noticed"},
    {"/readiness/exec",
     List{[](Definition& d) -> auto& { return d.checks.readiness.exec; }, rows::kAnyWord, rows::kExecItems},
     Applies::at_start, "",
     "The container is ready when this program, run in it, ends with 0. Without a `readiness` it is when its own runs"},
    {"/readiness/tcp", Text{[](Definition& d) -> auto& { return d.checks.readiness.tcp; }, rows::endpoint_rule},
     Applies::at_start, "", "It is ready when a connection can be made to this port from within its network"},
    {"/readiness/http", Text{[](Definition& d) -> auto& { return d.checks.readiness.http; }, rows::url_rule},
     Applies::at_start, "", "It is ready when GET of this URL, from within its network, is answered by 200 to 399"},
    {"/readiness/console", Text{[](Definition& d) -> auto& { return d.checks.readiness.console; }, rows::no_rule},
     Applies::at_start, "", "It is ready when it has printed this text"},
    {"/readiness/notify", Flag{[](Definition& d) -> auto& { return d.checks.readiness.notify; }}, Applies::at_start, "",
     "It is ready when it says READY=1 by sd_notify(3), for which it gets a socket of its own"},
    {"/readiness/intervalUSec", Duration{[](Definition& d) -> auto& { return d.checks.readiness.interval; }},
     Applies::at_start, "", "The time between two attempts"},
    {"/readiness/timeoutUSec", Duration{[](Definition& d) -> auto& { return d.checks.readiness.timeout; }},
     Applies::at_start, "", "An attempt that takes longer has failed"},
    {"/readiness/startTimeoutUSec", Duration{[](Definition& d) -> auto& { return d.checks.start_timeout; }},
     Applies::at_start, "", "A container that is not ready by then is killed, and its run has failed. 0: never"},
    {"/health/exec",
     List{[](Definition& d) -> auto& { return d.checks.health.exec; }, rows::kAnyWord, rows::kExecItems},
     Applies::at_start, "",
     "Once it is ready, the container is healthy as long as this program, run in it, ends with 0"},
    {"/health/tcp", Text{[](Definition& d) -> auto& { return d.checks.health.tcp; }, rows::endpoint_rule},
     Applies::at_start, "", "It is healthy as long as a connection can be made to this port from within its network"},
    {"/health/http", Text{[](Definition& d) -> auto& { return d.checks.health.http; }, rows::url_rule},
     Applies::at_start, "",
     "It is healthy as long as GET of this URL, from within its network, is answered by 200 to 399"},
    {"/health/console", Text{[](Definition& d) -> auto& { return d.checks.health.console; }, rows::no_rule},
     Applies::at_start, "", "It is healthy as long as it prints this text at least once between two attempts"},
    {"/health/notify", Flag{[](Definition& d) -> auto& { return d.checks.health.notify; }}, Applies::at_start, "",
     "It is healthy as long as it says WATCHDOG=1 by sd_notify(3) at least once between two attempts"},
    {"/health/intervalUSec", Duration{[](Definition& d) -> auto& { return d.checks.health.interval; }},
     Applies::at_start, "", "The time between two attempts"},
    {"/health/timeoutUSec", Duration{[](Definition& d) -> auto& { return d.checks.health.timeout; }}, Applies::at_start,
     "", "An attempt that takes longer has failed"},
    {"/health/startPeriodUSec", Duration{[](Definition& d) -> auto& { return d.checks.when_unhealthy.start_period; }},
     Applies::at_start, "", "Failures in this time after it became ready do not count, until the first success"},
    {"/health/retries",
     Number{[](Definition& d) -> auto& { return d.checks.when_unhealthy.retries; }, 1, 1000, "attempts"},
     Applies::at_start, "", "So many failures in a row make it unhealthy"},
    {"/health/action", rows::kAction, Applies::at_start, "",
     "What is done then: nothing but an event; restart it; or stop it"},
    {"/seccomp", rows::kProfile, Applies::at_start, "",
     "`default` confines the container by the profile of xctl.seccomp(5), for the capabilities in "
     "process.capabilities.bounding. It is an error if config.json has a linux.seccomp of its own; `config` can remove "
     "that with null. A config.json may ask for the same by the annotation org.xctl.seccomp"},
    {"/register", rows::kRegister, Applies::at_start, "",
     "Whether systemd-machined is told of the container while it runs, so that machinectl(1) knows it: if its program "
     "is systemd; always; or never. Without systemd in it, machinectl can show and terminate it, but not log in. Its "
     "name must be possible for a host: at most 64 letters, digits, hyphens and dots"},
    {"/after", List{[](Definition& d) -> auto& { return d.after; }, rows::is_container, "names of containers"},
     Applies::at_start, "",
     "If these are started as well, at boot or because others require them, start this one when they are ready or "
     "could not be started. They are stopped later than this one at shutdown"},
    {"/requires", List{[](Definition& d) -> auto& { return d.required; }, rows::is_container, "names of containers"},
     Applies::at_start, "",
     "Containers that are started before this one, whoever starts it, and are ready. If one of them cannot be, neither "
     "is this one. They are stopped later than this one at shutdown"},
    {"/interfaces",
     List{[](Definition& d) -> auto& { return d.interfaces; }, rows::is_interface, "names of network interfaces"},
     Applies::at_start, "", "At boot, wait until the host has these network interfaces"},
    {"/binds",
     List{[](Definition& d) -> auto& { return d.binds; }, rows::is_bind,
          "words SOURCE:DESTINATION[:OPTIONS], both paths absolute"},
     Applies::at_start, "",
     "Directories and files of the host that the container sees beside the mounts of its config.json. OPTIONS are "
     "those of mounts[].options, with commas, such as ro,noexec; the mounts below SOURCE come with it unless one is "
     "`bind`. `xctl set` adds them to a running container and takes them out of it at once"},
    {"/devices",
     List{[](Definition& d) -> auto& { return d.devices; }, rows::is_device_share,
          "words PATH[:PATH_INSIDE[:ACCESS]], both paths absolute, ACCESS of the letters r, w and m"},
     Applies::at_start, "",
     "Devices of the host that the container has and may use beside those of its config.json; `xctl set` changes them "
     "at once, too"},
    {"/config", Patch{[](Definition& d) -> auto& { return d.config_patch; }}, Applies::at_start, "",
     "A JSON merge patch (RFC 7396) onto the bundle's config.json. `xctl set` changes linux.resources and annotations "
     "of a running container at once"},
});
static_assert(names_are_unique(kKeys));

}  // namespace xctl::definition
