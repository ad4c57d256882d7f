// SPDX-License-Identifier: LGPL-2.1-or-later
// One row per verb. xctl's command line, its help, completion and man page, the D-Bus methods of
// org.xctl1.Manager and org.xctl1.Container, the methods of org.xctl.Containers and the polkit checks are all
// read from here; nothing else lists verbs.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "api/outputs.hpp"

namespace xctl::api {

inline constexpr std::string_view kBusName = "org.xctl1";
inline constexpr std::string_view kBusPath = "/org/xctl1";
inline constexpr std::string_view kContainerPathPrefix = "/org/xctl1/container";
inline constexpr std::string_view kManagerInterface = "org.xctl1.Manager";
inline constexpr std::string_view kContainerInterface = "org.xctl1.Container";
inline constexpr std::string_view kVarlinkInterface = "org.xctl.Containers";
inline constexpr std::string_view kVarlinkSocket = "/run/xctl/org.xctl.Containers";
inline constexpr std::string_view kPolkitPrefix = "org.xctl1.";

enum class Verb : unsigned char {
    create, start, run, stop, restart, kill, remove, list, state, attach, logs, wait, events, enable, disable,
    cat, explain, diff, verify, edit, set,
    pause, resume, ps, stats, exec, reset, why, history, clients, execs,
};

/// How a parameter is written on the command line. On the wire sizes, durations (microseconds), times (microseconds
/// since 1970) and counts are unsigned integers, and a list is an option that may be given several times.
enum class ParamKind : unsigned char { text, path, words, list, flag, size, duration, count, time };

inline constexpr std::string_view kWireOnly = "-";

struct Param {
    std::string_view name;  // on the wire
    ParamKind kind;
    Member<Request> member;
    bool required;
    std::string_view option;  // "--name"; empty: positional; "--": all words after it; kWireOnly: not for people
    char letter;              // '-x', or 0
    std::string_view value;   // what help calls the value
    std::string_view help;
};

struct VerbRow {
    Verb value;
    std::string_view name;    // of the command line
    std::string_view method;  // on D-Bus and varlink
    std::string_view action;  // polkit, after "org.xctl1."
    std::span<const Param> params;
    std::span<const Output> outputs;
    std::string_view help;
};

namespace rows {

inline constexpr Param kName{"name", ParamKind::text, &Request::name, true, "", 0, "NAME", "Name of the container"};
inline constexpr Param kBundle{"bundle", ParamKind::path, &Request::bundle, true, "", 0, "BUNDLE",
                               "Directory with config.json"};
inline constexpr Param kArgs{"args", ParamKind::words, &Request::args, false, "--", 0, "ARGS",
                             "Replace process.args for this start"};
inline constexpr Param kRestart{"restart", ParamKind::text, &Request::restart, false, "--restart", 0, "POLICY",
                                "Restart policy: no, on-failure, always or unless-stopped"};
inline constexpr Param kScrollback{"scrollback", ParamKind::size, &Request::scrollback, false, "--scrollback", 0,
                                   "SIZE", "Console bytes to keep (default 1M)"};
inline constexpr Param kTimeout{"timeoutUSec", ParamKind::duration, &Request::timeout_usec, false, "--timeout", 't',
                                "TIME", "Kill after this time (default 10s)"};
inline constexpr Param kFramed{"framed", ParamKind::flag, &Request::framed, false, kWireOnly, 0, "",
                               "Frame the console stream as org.xctl1(5) says, instead of plain bytes"};
inline constexpr Param kRows{"rows", ParamKind::count, &Request::rows, false, kWireOnly, 0, "",
                             "Lines of the caller's terminal: a terminal has them before its program looks"};
inline constexpr Param kColumns{"columns", ParamKind::count, &Request::columns, false, kWireOnly, 0, "",
                                "Columns of the caller's terminal; with rows"};
inline constexpr Param kOffset{"offset", ParamKind::count, &Request::offset, false, "--offset", 0, "OFFSET",
                               "Begin at this console offset"};
inline constexpr Param kMark{"mark", ParamKind::count, &Request::mark, false, kWireOnly, 0, "",
                             "Boundaries already seen, to resume with offset"};
inline constexpr Param kLines{"lines", ParamKind::count, &Request::lines, false, "--tail", 'n', "LINES",
                              "Begin this many lines before the end"};

inline constexpr std::array kCreate{
    kName, kBundle,
    Param{"autostart", ParamKind::flag, &Request::autostart, false, "--autostart", 0, "", "Start it at boot"},
    kRestart, kScrollback,
};
inline constexpr std::array kStart{kName, kArgs};
inline constexpr std::array kRun{
    kName, kBundle, kArgs,
    Param{"remove", ParamKind::flag, &Request::remove, false, "--rm", 0, "", "Delete it when it has stopped"},
    kRestart, kScrollback, kFramed, kRows, kColumns,
};
inline constexpr std::array kStop{kName, kTimeout};
inline constexpr std::array kKill{
    kName,
    Param{"signal", ParamKind::text, &Request::signal, false, "", 0, "SIGNAL",
          "Name or number of the signal (default TERM)"},
    Param{"all", ParamKind::flag, &Request::all, false, "--all", 'a', "", "Send it to all of its processes"},
};
inline constexpr std::array kDelete{
    kName,
    Param{"force", ParamKind::flag, &Request::force, false, "--force", 'f', "", "Kill it first if it runs"},
};
inline constexpr std::array kAttach{
    kName,
    Param{"observe", ParamKind::flag, &Request::observe, false, "--observe", 0, "", "Only watch; send no input"},
    Param{"exec", ParamKind::text, &Request::exec, false, "--exec", 0, "EXEC",
          "Not the container's own console, but that of a process that exec started"},
    Param{"steal", ParamKind::flag, &Request::steal, false, "--steal", 0, "",
          "Take the input over from the client that has it"},
    kOffset, kMark, kLines, kFramed, kRows, kColumns,
};
inline constexpr std::array kLogs{
    kName,
    Param{"follow", ParamKind::flag, &Request::follow, false, "--follow", 'f', "", "Go on with what is printed next"},
    Param{"since", ParamKind::time, &Request::since, false, "--since", 0, "TIME",
          "Begin with what was printed at this time"},
    Param{"until", ParamKind::time, &Request::until, false, "--until", 0, "TIME",
          "End with what was printed at this time"},
    Param{"timestamps", ParamKind::flag, &Request::timestamps, false, "--timestamps", 't', "",
          "Say when each line was printed"},
    kLines, kOffset, kMark, kFramed,
};
inline constexpr std::array kOne{kName};
inline constexpr std::array kStats{
    kName,
    Param{"intervalUSec", ParamKind::duration, &Request::interval_usec, false, "--interval", 'i', "TIME",
          "With follow, print them this often (default 1s)"},
};
inline constexpr std::array kExec{
    kName,
    Param{"command", ParamKind::words, &Request::command, true, "--", 0, "COMMAND", "The program and its arguments"},
    Param{"terminal", ParamKind::flag, &Request::terminal, false, "--tty", 't', "", "Give it a terminal, and input"},
    Param{"input", ParamKind::flag, &Request::input, false, "--interactive", 'i', "",
          "Pass standard input; without this it is empty"},
    Param{"user", ParamKind::text, &Request::user, false, "--user", 'u', "UID[:GID]",
          "Its user and group, as numbers (default: the container's own)"},
    Param{"cwd", ParamKind::text, &Request::cwd, false, "--cwd", 'w', "DIRECTORY",
          "Its working directory, inside the container"},
    Param{"env", ParamKind::list, &Request::env, false, "--env", 'e', "NAME=VALUE",
          "Add a variable to its environment; may be given several times"},
    kFramed, kRows, kColumns,
};
inline constexpr Param kRuntime{"runtime", ParamKind::flag, &Request::runtime, false, "--runtime", 0, "",
                                "Change the container that runs, until it stops; what counts at the next start only is refused"};
inline constexpr std::array kEdit{
    kName,
    Param{"dropIn", ParamKind::text, &Request::drop_in, false, "--drop-in", 0, "FILE",
          "Edit this drop-in instead of the definition's own file"},
    Param{"content", ParamKind::text, &Request::content, false, kWireOnly, 0, "",
          "What the file is to hold. Without it, the answer is what it holds"},
    Param{"previous", ParamKind::text, &Request::previous, false, kWireOnly, 0, "",
          "What it held when editing began: if that has changed meanwhile, nothing is written"},
};
inline constexpr std::array kVerify{
    kName,
    Param{"content", ParamKind::text, &Request::content, false, kWireOnly, 0, "",
          "The text of a definition of that name, which is verified in place of the files there are"},
};
inline constexpr std::array kSet{
    kName,
    Param{"settings", ParamKind::words, &Request::settings, true, "", 0, "KEY=VALUE...",
          "Keys of xctl.container(5) with their values; KEY= alone brings the default back"},
    kRuntime,
};

inline constexpr std::array kContainerOut{Output::container};
inline constexpr std::array kListOut{Output::containers};
inline constexpr std::array kStateOut{Output::container, Output::oci_state};
inline constexpr std::array kFdOut{Output::fd};
inline constexpr std::array kEventOut{Output::event};
inline constexpr std::array kStatsOut{Output::stats, Output::interfaces, Output::left_out};
inline constexpr std::array kPsOut{Output::processes, Output::left_out};
inline constexpr std::array kExecOut{Output::exec, Output::fd};
inline constexpr std::array kWhyOut{Output::run};
inline constexpr std::array kHistoryOut{Output::runs};
inline constexpr std::array kSettingsOut{Output::settings};
inline constexpr std::array kFindingsOut{Output::findings};
inline constexpr std::array kTextOut{Output::text};
inline constexpr std::array kEditOut{Output::text, Output::settings};
inline constexpr std::array kSetOut{Output::container, Output::settings};
inline constexpr std::array kClientsOut{Output::clients};
inline constexpr std::array kExecsOut{Output::execs};

}  // namespace rows

inline constexpr std::array<VerbRow, 31> kVerbs{{
    {Verb::create, "create", "Create", "configure", rows::kCreate, rows::kContainerOut,
     "Define a container from an OCI bundle"},
    {Verb::start, "start", "Start", "manage", rows::kStart, rows::kContainerOut, "Start a container"},
    {Verb::run, "run", "Run", "configure", rows::kRun, rows::kFdOut, "Create, start and attach in one step"},
    {Verb::stop, "stop", "Stop", "manage", rows::kStop, rows::kContainerOut,
     "Stop a container and wait until it is gone"},
    {Verb::restart, "restart", "Restart", "manage", rows::kStop, rows::kContainerOut, "Stop and start a container"},
    {Verb::kill, "kill", "Kill", "manage", rows::kKill, {}, "Send a signal to the container's init"},
    {Verb::remove, "delete", "Delete", "configure", rows::kDelete, {}, "Forget a container; its bundle stays"},
    {Verb::list, "list", "List", "inspect", {}, rows::kListOut, "List containers"},
    {Verb::state, "state", "Describe", "inspect", rows::kOne, rows::kStateOut, "Show one container"},
    {Verb::attach, "attach", "Attach", "attach", rows::kAttach, rows::kFdOut,
     "Connect to a container's console, scrollback first"},
    {Verb::logs, "logs", "Logs", "attach", rows::kLogs, rows::kFdOut, "Print a container's console"},
    {Verb::wait, "wait", "Wait", "inspect", rows::kOne, rows::kContainerOut, "Wait until a container has stopped"},
    {Verb::events, "events", "Events", "inspect", {}, rows::kEventOut, "Print events as they happen"},
    {Verb::enable, "enable", "Enable", "configure", rows::kOne, rows::kContainerOut, "Start a container at boot"},
    {Verb::disable, "disable", "Disable", "configure", rows::kOne, rows::kContainerOut,
     "Do not start a container at boot"},
    {Verb::cat, "cat", "Cat", "configure", rows::kOne, rows::kSettingsOut,
     "Show a definition as its files make it, and which file says what"},
    {Verb::explain, "explain", "Explain", "configure", rows::kOne, rows::kTextOut,
     "Show step by step what a start would do"},
    {Verb::diff, "diff", "Diff", "configure", rows::kOne, rows::kSettingsOut,
     "Show where the files differ from what runs"},
    {Verb::verify, "verify", "Verify", "configure", rows::kVerify, rows::kFindingsOut,
     "Show why a start would fail, without starting"},
    {Verb::edit, "edit", "Edit", "configure", rows::kEdit, rows::kEditOut, "Edit a definition's file"},
    {Verb::set, "set", "Set", "configure", rows::kSet, rows::kSetOut,
     "Change a definition, and the container that runs if possible"},
    {Verb::pause, "pause", "Pause", "manage", rows::kOne, rows::kContainerOut, "Freeze all processes of a container"},
    {Verb::resume, "resume", "Resume", "manage", rows::kOne, rows::kContainerOut, "Let a paused container go on"},
    {Verb::ps, "ps", "Ps", "inspect", rows::kOne, rows::kPsOut, "List the processes of a container"},
    {Verb::stats, "stats", "Stats", "inspect", rows::kStats, rows::kStatsOut,
     "Show what a container uses: memory, CPU, input and output, network"},
    {Verb::exec, "exec", "Exec", "exec", rows::kExec, rows::kExecOut, "Run a program in a running container"},
    {Verb::reset, "reset", "Reset", "manage", rows::kOne, rows::kContainerOut,
     "Forget earlier restarts: delays and the limit begin anew"},
    {Verb::why, "why", "Why", "inspect", rows::kOne, rows::kWhyOut, "Explain how a container last failed"},
    {Verb::history, "history", "History", "inspect", rows::kOne, rows::kHistoryOut,
     "List the latest runs of a container"},
    {Verb::clients, "clients", "Clients", "inspect", rows::kOne, rows::kClientsOut,
     "List the clients that are attached to a container's console"},
    {Verb::execs, "execs", "Execs", "inspect", rows::kOne, rows::kExecsOut,
     "List the programs that exec has started in a container and that still run"},
}};
static_assert(names_are_unique(kVerbs));

constexpr const VerbRow& verb_row(Verb verb) { return kVerbs[static_cast<std::size_t>(verb)]; }

/// An argument that asks for the action of another verb than its own.
struct ActionRow {
    std::string_view argument;  // Param::name
    bool (*is_given)(const Request& request);
    Verb verb;
};

/// The first that is given counts.
inline constexpr std::array<ActionRow, 2> kArgumentActions{{
    // A caller who may write to an exec could as well have started it.
    {"exec", [](const Request& request) { return !request.exec.empty(); }, Verb::exec},
    // They choose the program that runs, which is more than starting what was configured.
    {"args", [](const Request& request) { return !request.args.empty(); }, Verb::create},
}};

constexpr std::string_view action_of(const VerbRow& verb, const Request& request) {
    const auto* row = std::ranges::find_if(kArgumentActions, [&](const ActionRow& it) { return it.is_given(request); });
    return row != kArgumentActions.end() ? verb_row(row->verb).action : verb.action;
}

/// Whether it can be asked for again and again at an interval: over varlink with `more`, on D-Bus by a method of its
/// own, called "Follow" and the method's name.
constexpr bool repeats(const VerbRow& verb) {
    static constexpr Member<Request> kInterval = &Request::interval_usec;
    return std::ranges::any_of(verb.params, [](const Param& param) { return param.member == kInterval; });
}

/// Whether varlink's `more` asks for its answer in parts: in several replies, whose lists together are the whole.
constexpr bool comes_in_parts(const VerbRow& verb) { return verb.value == Verb::list; }

namespace rows {
consteval bool verbs_are_in_order() {
    for (std::size_t i = 0; i < kVerbs.size(); ++i)
        if (static_cast<std::size_t>(kVerbs[i].value) != i) return false;
    return true;
}
}  // namespace rows
static_assert(rows::verbs_are_in_order());

}  // namespace xctl::api
