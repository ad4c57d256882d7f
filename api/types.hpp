// SPDX-License-Identifier: LGPL-2.1-or-later
// The values that go over the wire: container descriptions and events, each with a table of fields.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/fields.hpp"
#include "lib/base/table.hpp"

namespace xctl::api {

/// Who calls, as the transport knows it; no argument of any verb.
struct Peer {
    std::uint64_t uid = 0;
    std::uint64_t pid = 0;  // 0: not known
    std::string unit;       // the systemd unit of that process
};

/// One container as its users see it. Times are microseconds since the epoch, 0 for never.
struct ContainerInfo {
    std::string name;
    std::string status;       // the runtime-spec's word: created, running, paused, stopped (creating while starting)
    std::string state;        // ours: see container.hpp; or bad-setting
    std::uint64_t pid = 0;    // of init; 0 when there is none
    std::string bundle;
    std::string unit;         // the systemd unit whose cgroup holds it, while it runs
    std::string restart;      // policy
    bool autostart = false;
    std::uint64_t runs = 0;      // how often it was started in this boot
    std::uint64_t restarts = 0;  // consecutive restarts by the policy
    std::uint64_t started = 0;
    std::uint64_t exited = 0;
    std::uint64_t next_start = 0;  // when the policy will start it again
    std::string exit_reason;       // exited signal oom-kill launch-failed unknown; empty before the first exit
    std::int64_t exit_status = 0;  // the code, or the signal's number
    std::string message;           // why it failed, in a sentence
    std::uint64_t console_begin = 0;  // offset of the oldest byte that is kept
    std::uint64_t console_end = 0;    // bytes printed since it was created
    std::uint64_t attached = 0;       // clients
    bool ready = false;
    std::string health;               // starting healthy unhealthy; empty without a probe
    std::string load_error;           // why the files cannot be used as they are now; empty: they can
};

/// One client of a console.
struct ClientInfo {
    std::string role;  // writer waiting observer
    std::uint64_t uid = 0;
    std::uint64_t pid = 0;
    std::string unit;
    std::uint64_t since = 0;
    std::uint64_t offset = 0;
    std::uint64_t behind = 0;
};

/// A program that `exec` has started in a container.
struct ExecInfo {
    std::string id;
    std::uint64_t pid = 0;  // on the host
    std::string command;
    bool terminal = false;
    std::uint64_t attached = 0;
};

struct Event {
    std::uint64_t sequence = 0;  // counts up by one within one xctld
    std::uint64_t time = 0;
    std::string event;           // the new state, or deleted, changed, crash-loop
    std::string name;
    std::string exit_reason;
    std::int64_t exit_status = 0;
    std::string message;
};

/// One value of a definition.
struct Setting {
    std::string key;      // JSON pointer
    std::string value;    // JSON; empty: the files say nothing
    std::string origin;   // FILE:LINE
    std::string running;  // with diff, JSON: what the container runs with; empty: nothing
};

/// Something that verify found.
struct Finding {
    std::string severity;  // error: a start would fail; warning
    std::string message;
    std::string key;  // of the definition; empty: about something else
};

/// How a call went for one of the containers that it names.
struct Outcome {
    std::string name;
    std::string error;  // a name of errors.hpp; empty: it succeeded
    std::string message;
};

inline constexpr auto kContainerFields = std::to_array<FieldRow<ContainerInfo>>({
    {"name", &ContainerInfo::name, "Name of the container"},
    {"status", &ContainerInfo::status, "The runtime specification's status word"},
    {"state", &ContainerInfo::state,
     "created, starting, running, paused, stopping, quarantined, stopped, waiting for a restart, failed: it ended too "
     "often and is not restarted any more, or bad-setting: the definition is broken"},
    {"pid", &ContainerInfo::pid, "Process ID of the container's init, 0 if there is none"},
    {"bundle", &ContainerInfo::bundle, "Absolute path of the OCI bundle"},
    {"unit", &ContainerInfo::unit, "The systemd unit that holds the container"},
    {"restartPolicy", &ContainerInfo::restart, "Restart policy"},
    {"autostart", &ContainerInfo::autostart, "Whether it starts at boot"},
    {"runs", &ContainerInfo::runs, "Number of starts in this boot"},
    {"restarts", &ContainerInfo::restarts, "Consecutive restarts by the policy"},
    {"started", &ContainerInfo::started, "Time of the last start"},
    {"exited", &ContainerInfo::exited, "Time of the last exit"},
    {"nextStart", &ContainerInfo::next_start, "When the policy will start it again"},
    {"exitReason", &ContainerInfo::exit_reason, "exited, signal, oom-kill, launch-failed or unknown"},
    {"exitStatus", &ContainerInfo::exit_status, "Exit code, or the number of the signal"},
    {"message", &ContainerInfo::message, "Why it failed"},
    {"consoleBegin", &ContainerInfo::console_begin, "Console offset of the oldest byte kept", false},
    {"consoleEnd", &ContainerInfo::console_end, "Console bytes printed since creation", false},
    {"attached", &ContainerInfo::attached, "Number of attached clients", false},
    {"ready", &ContainerInfo::ready, "Whether it does its work, as far as its definition says how to tell"},
    {"health", &ContainerInfo::health, "starting, healthy or unhealthy; empty if nobody asks"},
    {"loadError", &ContainerInfo::load_error, "Why the definition's files, as they are now, cannot be used"},
});
static_assert(names_are_unique(kContainerFields));

inline constexpr auto kClientFields = std::to_array<FieldRow<ClientInfo>>({
    {"role", &ClientInfo::role, "writer, waiting (to be the writer) or observer"},
    {"uid", &ClientInfo::uid, "User who attached"},
    {"pid", &ClientInfo::pid, "Process that attached; 0 if it is not known"},
    {"unit", &ClientInfo::unit, "The systemd unit of that process"},
    {"since", &ClientInfo::since, "When it attached"},
    {"offset", &ClientInfo::offset, "Console offset of the next byte that it is sent"},
    {"behind", &ClientInfo::behind, "Bytes printed that it has not been sent yet"},
});
static_assert(names_are_unique(kClientFields));

inline constexpr auto kExecFields = std::to_array<FieldRow<ExecInfo>>({
    {"id", &ExecInfo::id, "Identifies it to Attach"},
    {"pid", &ExecInfo::pid, "Process ID on the host"},
    {"command", &ExecInfo::command, "Command line, as that of a process"},
    {"terminal", &ExecInfo::terminal, "Whether it has a terminal"},
    {"attached", &ExecInfo::attached, "Number of attached clients"},
});
static_assert(names_are_unique(kExecFields));

inline constexpr auto kEventFields = std::to_array<FieldRow<Event>>({
    {"sequence", &Event::sequence, "Counts up by one within one daemon"},
    {"time", &Event::time, "Microseconds since the epoch"},
    {"event", &Event::event,
     "What happened: the new state, or deleted, changed or crash-loop: the limit of restarts is reached"},
    {"name", &Event::name, "Name of the container"},
    {"exitReason", &Event::exit_reason, "With stopped, failed and waiting: exited, signal, oom-kill, launch-failed or unknown"},
    {"exitStatus", &Event::exit_status, "With stopped, failed and waiting: exit code or signal number"},
    {"message", &Event::message, "Why it failed"},
});
static_assert(names_are_unique(kEventFields));

inline constexpr auto kSettingFields = std::to_array<FieldRow<Setting>>({
    {"key", &Setting::key, "The key, as a JSON pointer"},
    {"value", &Setting::value, "Its value in the files, as JSON; empty if they say nothing"},
    {"origin", &Setting::origin, "The file and line that say so"},
    {"running", &Setting::running,
     "With Diff: the value that the container runs with, as JSON; empty if there is none"},
});
static_assert(names_are_unique(kSettingFields));

inline constexpr auto kFindingFields = std::to_array<FieldRow<Finding>>({
    {"severity", &Finding::severity, "error: a start would fail; or warning"},
    {"message", &Finding::message, "What was found"},
    {"key", &Finding::key, "The key of the definition that it is about, as a JSON pointer; empty: something else"},
});
static_assert(names_are_unique(kFindingFields));

inline constexpr auto kOutcomeFields = std::to_array<FieldRow<Outcome>>({
    {"name", &Outcome::name, "Name of the container"},
    {"error", &Outcome::error, "The error's name; empty: the call succeeded for this container"},
    {"message", &Outcome::message, "What went wrong, in a sentence"},
});
static_assert(names_are_unique(kOutcomeFields));

}  // namespace xctl::api
