// SPDX-License-Identifier: LGPL-2.1-or-later
// One row per key of a definition. Reading and writing the files, the words of `xctl set`, the published schema and
// xctl.container(5) are all read from here; nothing else lists keys.
#pragma once

#include <array>
#include <span>
#include <variant>

#include "daemon/definition.hpp"
#include "lib/base/container_id.hpp"

namespace xctl {

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
    std::variant<Flag, Number, Duration, Factor, Path, Signal, Choice, List, Patch> type;
    Applies applies;
    std::string_view standard;  // in words, where the default value does not speak for itself
    std::string_view help;
};

namespace rows {

inline constexpr std::array<std::string_view, kRestartPolicies.size()> kPolicyWords = [] {
    std::array<std::string_view, kRestartPolicies.size()> words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = kRestartPolicies[i].name;
    return words;
}();

inline constexpr Choice kPolicy{
    kPolicyWords,
    [](const Definition& d) { return name_of(kRestartPolicies, d.restart.when); },
    [](Definition& d, std::string_view word) {
        d.restart.when = value_of(kRestartPolicies, word).value_or(RestartWhen::no);
    },
};

inline constexpr std::array<std::string_view, 1> kProfileWords{"default"};
inline constexpr Choice kProfile{
    kProfileWords,
    [](const Definition& d) { return d.default_seccomp ? kProfileWords.front() : std::string_view(); },
    [](Definition& d, std::string_view word) { d.default_seccomp = word == kProfileWords.front(); },
};

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
     "ended it; or always. A container that somebody stopped stays stopped"},
    {"/restart/delayUSec", Duration{[](Definition& d) -> auto& { return d.restart.delay; }}, Applies::at_once, "",
     "Wait this long before the first restart in a row"},
    {"/restart/maxDelayUSec", Duration{[](Definition& d) -> auto& { return d.restart.max_delay; }}, Applies::at_once,
     "", "Never wait longer than this"},
    {"/restart/multiplier", Factor{[](Definition& d) -> auto& { return d.restart.multiplier; }, 1, 100},
     Applies::at_once, "", "Each further restart in a row waits this many times longer than the one before"},
    {"/restart/limit", Number{[](Definition& d) -> auto& { return d.restart.limit; }, 0, 1'000'000, "restarts"},
     Applies::at_once, "", "Give up after this many restarts within the window. 0: never"},
    {"/restart/windowUSec", Duration{[](Definition& d) -> auto& { return d.restart.window; }}, Applies::at_once, "",
     "The window of the limit. A run that lasted longer starts the delays anew"},
    {"/console/scrollback",
     Number{[](Definition& d) -> auto& { return d.scrollback; }, kMinScrollback, kMaxScrollback, "bytes"},
     Applies::at_once, "",
     "How much of what the container printed is kept for those who attach later. What fits is kept when it is changed"},
    {"/console/persistent", Flag{[](Definition& d) -> auto& { return d.persistent_console; }}, Applies::at_once, "",
     "Keep it across a reboot, too: it is written to /var/lib/xctl/NAME/console when a run ends and when xctld ends, and "
     "taken up in the next boot with the same offsets. After a power failure what the last run printed is missing"},
    {"/journal/burst", Number{[](Definition& d) -> auto& { return d.journal_limit.burst; }, 0, 1'000'000'000, "lines"},
     Applies::at_once, "",
     "Send at most this many lines to the journal within each interval. What goes beyond is dropped there, not from the "
     "console, and an entry says how many lines were. 0: send all; the journal itself limits each unit, see "
     "RateLimitBurst= in journald.conf(5)"},
    {"/journal/intervalUSec", Duration{[](Definition& d) -> auto& { return d.journal_limit.interval; }},
     Applies::at_once, "", "The interval of that limit"},
    {"/stop/signal", Signal{[](Definition& d) -> auto& { return d.stop_signal; }}, Applies::at_once,
     "TERM, or what suits the payload", "Name of the signal that asks the container's first process to end"},
    {"/stop/timeoutUSec", Duration{[](Definition& d) -> auto& { return d.stop_timeout; }}, Applies::at_once, "",
     "Kill all its processes if it has not ended by then"},
    {"/seccomp", rows::kProfile, Applies::at_start, "",
     "`default` confines the container by the profile of xctl.seccomp(5), for the capabilities in "
     "process.capabilities.bounding. It is an error if config.json has a linux.seccomp of its own; `config` can remove "
     "that with null. A config.json may ask for the same by the annotation org.xctl.seccomp"},
    {"/config", Patch{[](Definition& d) -> auto& { return d.config_patch; }}, Applies::at_start, "",
     "A JSON merge patch (RFC 7396) onto the bundle's config.json. `xctl set` changes linux.resources and annotations "
     "of a running container at once"},
});
static_assert(names_are_unique(kKeys));

}  // namespace xctl
