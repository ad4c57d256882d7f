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
#include "api/requests.hpp"

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

/// A parameter as people and the wire see it.
struct ParamText {
    std::string_view name;  // on the wire
    ParamKind kind;
    bool required;
    std::string_view option;  // "--name"; empty: positional; "--": all words after it; kWireOnly: not for people
    char letter;              // '-x', or 0
    std::string_view value;   // what help calls the value
    std::string_view help;
};

/// The value of a parameter in a request, in the order of Member.
using Slot = std::variant<std::string*, bool*, std::uint64_t*, std::int64_t*, std::optional<std::uint64_t>*,
                          std::vector<std::string>*>;
static_assert(std::variant_size_v<Slot> == std::variant_size_v<Member<NoArguments>>);

struct Param : ParamText {
    std::size_t type;              // index in Slot, and so in Member
    Slot (*find)(Arguments& of);  // in the arguments of the verb that has this parameter
};

/// The parameters of a verb, and the type of the request that they are members of.
class Params {
public:
    constexpr Params() = default;
    template <class T>
    constexpr Params(std::type_identity<T>, std::span<const Param> rows)
        : rows_(rows), request_(kRequestIndex<T>), make_([] { return Arguments(T()); }) {}

    [[nodiscard]] constexpr auto begin() const { return rows_.begin(); }
    [[nodiscard]] constexpr auto end() const { return rows_.end(); }
    [[nodiscard]] constexpr bool empty() const { return rows_.empty(); }
    [[nodiscard]] constexpr const Param& front() const { return rows_.front(); }
    /// The place of the request's type among Arguments.
    [[nodiscard]] constexpr std::size_t request() const { return request_; }
    [[nodiscard]] Arguments make() const { return make_(); }

private:
    std::span<const Param> rows_;
    std::size_t request_ = kRequestIndex<NoArguments>;
    Arguments (*make_)() = [] { return Arguments(); };
};

/// How a verb answers.
enum class Answers : unsigned char {
    once,
    late,      // once, perhaps not before the container has stopped
    in_parts,  // once, or in several replies, whose lists together are the whole
    progress,  // once, or with reports of its progress before that
    events,    // once for each event, for as long as the caller listens
};

struct VerbRow {
    Verb value;
    std::string_view name;    // of the command line, after the group if there is one
    std::string_view method;  // on D-Bus and varlink
    std::string_view action;  // polkit, after "org.xctl1."
    Params params;
    std::span<const Output> outputs;
    std::string_view help;
    std::string_view group = {};  // of the command line: the word before the name, a row of kGroups
    Answers answers = Answers::once;
    bool several = false;  // a call may name several containers; the answer then has an outcome for each
};

/// Verbs about one kind of thing, called as "xctl GROUP NAME".
struct GroupRow {
    std::string_view name;
    std::string_view help;
};

/// Verbs and their groups, as the command line and its documents have them.
struct VerbTable {
    std::span<const VerbRow> verbs;
    std::span<const GroupRow> groups;
};

namespace rows {

/// A row for a member, of one request or of a part that several requests have.
template <auto Target>
struct Row {
    ParamText text;
};

template <class Class, class Value>
consteval std::size_t type_of(Value Class::*) {
    return Member<Class>(static_cast<Value Class::*>(nullptr)).index();
}

/// The client and the adapters read the member by the kind.
consteval bool fits(ParamKind kind, std::size_t type) {
    switch (kind) {
        case ParamKind::text:
        case ParamKind::path: return type == type_of(&OfContainer::name);
        case ParamKind::flag: return type == type_of(&Framing::framed);
        case ParamKind::list:
        case ParamKind::words: return type == type_of(&Program::args);
        case ParamKind::size:
        case ParamKind::duration:
        case ParamKind::count:
        case ParamKind::time: return type == type_of(&ConsolePlace::lines);
    }
    return false;
}

template <auto Target>
consteval Row<Target> row(ParamText text) {
    if (!fits(text.kind, type_of(Target))) throw "the kind does not fit the member";
    return {text};
}

template <class Of, auto Target>
Slot find_in(Arguments& arguments) {
    return &(std::get<Of>(arguments).*Target);
}

/// The parameters of the request `Of`, which must have each of the members.
template <class Of, std::size_t Size>
struct List {
    std::array<Param, Size> rows;
    constexpr operator Params() const { return {std::type_identity<Of>(), rows}; }
};

template <class Of, auto... Target>
consteval List<Of, sizeof...(Target)> list(const Row<Target>&... rows) {
    return {{Param{rows.text, type_of(Target), find_in<Of, Target>}...}};
}

inline constexpr auto kName =
    row<&OfContainer::name>({"name", ParamKind::text, true, "", 0, "NAME", "Name of the container"});
inline constexpr auto kBundle =
    row<&NewDefinition::bundle>({"bundle", ParamKind::path, true, "", 0, "BUNDLE", "Directory with config.json"});
inline constexpr auto kArgs =
    row<&Program::args>({"args", ParamKind::words, false, "--", 0, "ARGS", "Replace process.args for this start"});
inline constexpr auto kRestart =
    row<&NewDefinition::restart>({"restart", ParamKind::text, false, "--restart", 0, "POLICY",
                                  "Restart policy: no, on-failure, always or unless-stopped"});
inline constexpr auto kScrollback = row<&NewDefinition::scrollback>(
    {"scrollback", ParamKind::size, false, "--scrollback", 0, "SIZE", "Console bytes to keep (default 1M)"});
inline constexpr auto kTimeout = row<&StopRequest::timeout_usec>(
    {"timeoutUSec", ParamKind::duration, false, "--timeout", 't', "TIME", "Kill after this time (default 10s)"});
inline constexpr auto kFramed =
    row<&Framing::framed>({"framed", ParamKind::flag, false, kWireOnly, 0, "",
                           "Frame the console stream as org.xctl1(5) says, instead of plain bytes"});
inline constexpr auto kRows =
    row<&TerminalSize::rows>({"rows", ParamKind::count, false, kWireOnly, 0, "",
                              "Lines of the caller's terminal: a terminal has them before its program looks"});
inline constexpr auto kColumns = row<&TerminalSize::columns>(
    {"columns", ParamKind::count, false, kWireOnly, 0, "", "Columns of the caller's terminal; with rows"});
inline constexpr auto kOffset = row<&ConsolePlace::offset>(
    {"offset", ParamKind::count, false, "--offset", 0, "OFFSET", "Begin at this console offset"});
inline constexpr auto kMark = row<&ConsolePlace::mark>(
    {"mark", ParamKind::count, false, kWireOnly, 0, "", "Boundaries already seen, to resume with offset"});
inline constexpr auto kLines = row<&ConsolePlace::lines>(
    {"lines", ParamKind::count, false, "--tail", 'n', "LINES", "Begin this many lines before the end"});
inline constexpr auto kInterval =
    row<&StatsRequest::interval_usec>({"intervalUSec", ParamKind::duration, false, "--interval", 'i', "TIME",
                                       "With follow, print them this often (default 1s)"});
inline constexpr auto kRuntime = row<&SetRequest::runtime>(
    {"runtime", ParamKind::flag, false, "--runtime", 0, "",
     "Change the container that runs, until it stops; what counts at the next start only is refused"});

inline constexpr auto kCreate = list<CreateRequest>(
    kName, kBundle,
    row<&CreateRequest::autostart>({"autostart", ParamKind::flag, false, "--autostart", 0, "", "Start it at boot"}),
    kRestart, kScrollback);
inline constexpr auto kStart = list<StartRequest>(kName, kArgs);
inline constexpr auto kRun = list<RunRequest>(
    kName, kBundle, kArgs,
    row<&RunRequest::remove>({"remove", ParamKind::flag, false, "--rm", 0, "", "Delete it when it has stopped"}),
    kRestart, kScrollback, kFramed, kRows, kColumns);
inline constexpr auto kStop = list<StopRequest>(kName, kTimeout);
inline constexpr auto kKill = list<KillRequest>(
    kName,
    row<&KillRequest::signal>(
        {"signal", ParamKind::text, false, "", 0, "SIGNAL", "Name or number of the signal (default TERM)"}),
    row<&KillRequest::all>({"all", ParamKind::flag, false, "--all", 'a', "", "Send it to all of its processes"}));
inline constexpr auto kDelete = list<DeleteRequest>(
    kName,
    row<&DeleteRequest::force>({"force", ParamKind::flag, false, "--force", 'f', "", "Kill it first if it runs"}));
inline constexpr auto kAttach = list<AttachRequest>(
    kName,
    row<&AttachRequest::observe>({"observe", ParamKind::flag, false, "--observe", 0, "", "Only watch; send no input"}),
    row<&AttachRequest::exec>({"exec", ParamKind::text, false, "--exec", 0, "EXEC",
                               "Not the container's own console, but that of a process that exec started"}),
    row<&AttachRequest::steal>(
        {"steal", ParamKind::flag, false, "--steal", 0, "", "Take the input over from the client that has it"}),
    kOffset, kMark, kLines, kFramed, kRows, kColumns);
inline constexpr auto kLogs =
    list<LogsRequest>(kName,
                      row<&LogsRequest::follow>(
                          {"follow", ParamKind::flag, false, "--follow", 'f', "", "Go on with what is printed next"}),
                      row<&LogsRequest::since>({"since", ParamKind::time, false, "--since", 0, "TIME",
                                                "Begin with what was printed at this time"}),
                      row<&LogsRequest::until>({"until", ParamKind::time, false, "--until", 0, "TIME",
                                                "End with what was printed at this time"}),
                      row<&LogsRequest::timestamps>({"timestamps", ParamKind::flag, false, "--timestamps", 't', "",
                                                     "Say when each line was printed"}),
                      kLines, kOffset, kMark, kFramed);
inline constexpr auto kOne = list<ContainerRequest>(kName);
inline constexpr auto kStats = list<StatsRequest>(kName, kInterval);
inline constexpr auto kExec =
    list<ExecRequest>(kName,
                      row<&ExecRequest::command>(
                          {"command", ParamKind::words, true, "--", 0, "COMMAND", "The program and its arguments"}),
                      row<&ExecRequest::terminal>(
                          {"terminal", ParamKind::flag, false, "--tty", 't', "", "Give it a terminal, and input"}),
                      row<&ExecRequest::input>({"input", ParamKind::flag, false, "--interactive", 'i', "",
                                                "Pass standard input; without this it is empty"}),
                      row<&ExecRequest::user>({"user", ParamKind::text, false, "--user", 'u', "UID[:GID]",
                                               "Its user and group, as numbers (default: the container's own)"}),
                      row<&ExecRequest::cwd>({"cwd", ParamKind::text, false, "--cwd", 'w', "DIRECTORY",
                                              "Its working directory, inside the container"}),
                      row<&ExecRequest::env>({"env", ParamKind::list, false, "--env", 'e', "NAME=VALUE",
                                              "Add a variable to its environment; may be given several times"}),
                      kFramed, kRows, kColumns);
inline constexpr auto kEdit =
    list<EditRequest>(kName,
                      row<&EditRequest::drop_in>({"dropIn", ParamKind::text, false, "--drop-in", 0, "FILE",
                                                  "Edit this drop-in instead of the definition's own file"}),
                      row<&EditRequest::content>({"content", ParamKind::text, false, kWireOnly, 0, "",
                                                  "What the file is to hold. Without it, the answer is what it holds"}),
                      row<&EditRequest::previous>(
                          {"previous", ParamKind::text, false, kWireOnly, 0, "",
                           "What it held when editing began: if that has changed meanwhile, nothing is written"}));
inline constexpr auto kVerify = list<VerifyRequest>(
    kName, row<&VerifyRequest::content>(
               {"content", ParamKind::text, false, kWireOnly, 0, "",
                "The text of a definition of that name, which is verified in place of the files there are"}));
inline constexpr auto kSet = list<SetRequest>(
    kName,
    row<&SetRequest::settings>({"settings", ParamKind::words, true, "", 0, "KEY=VALUE...",
                                "Keys of xctl.container(5) with their values; KEY= alone brings the default back"}),
    kRuntime);

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

inline constexpr auto kVerbs = std::to_array<VerbRow>({
    {Verb::create, "create", "Create", "configure", rows::kCreate, rows::kContainerOut,
     "Define a container from an OCI bundle"},
    {Verb::start, "start", "Start", "manage", rows::kStart, rows::kContainerOut, "Start a container"},
    {Verb::run, "run", "Run", "configure", rows::kRun, rows::kFdOut, "Create, start and attach in one step"},
    {Verb::stop, "stop", "Stop", "manage", rows::kStop, rows::kContainerOut,
     "Stop a container and wait until it is gone"},
    {Verb::restart, "restart", "Restart", "manage", rows::kStop, rows::kContainerOut, "Stop and start a container"},
    {Verb::kill, "kill", "Kill", "manage", rows::kKill, {}, "Send a signal to the container's init"},
    {Verb::remove, "delete", "Delete", "configure", rows::kDelete, {}, "Forget a container; its bundle stays"},
    {Verb::list, "list", "List", "inspect", {}, rows::kListOut, "List containers",
     "", Answers::in_parts},
    {Verb::state, "state", "Describe", "inspect", rows::kOne, rows::kStateOut, "Show one container"},
    {Verb::attach, "attach", "Attach", "attach", rows::kAttach, rows::kFdOut,
     "Connect to a container's console, scrollback first"},
    {Verb::logs, "logs", "Logs", "attach", rows::kLogs, rows::kFdOut, "Print a container's console"},
    {Verb::wait, "wait", "Wait", "inspect", rows::kOne, rows::kContainerOut, "Wait until a container has stopped",
     "", Answers::late},
    {Verb::events, "events", "Events", "inspect", {}, rows::kEventOut, "Print events as they happen",
     "", Answers::events},
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
});

/// The groups that rows of kVerbs name; there is none yet.
inline constexpr std::array<GroupRow, 0> kGroups{};

inline constexpr VerbTable kVerbTable{kVerbs, kGroups};

/// Whether the words of the command line and the methods mean one verb each.
constexpr bool is_unambiguous(const VerbTable& table) {
    for (const auto& a : table.verbs)
        for (const auto& b : table.verbs)
            if (&a != &b && (a.method == b.method || (a.group == b.group && a.name == b.name))) return false;
    return std::ranges::none_of(table.groups, [&](const GroupRow& group) {
        const auto takes_name = [&](const VerbRow& verb) { return verb.group.empty() && verb.name == group.name; };
        return std::ranges::any_of(table.verbs, takes_name) ||
               std::ranges::count(table.groups, group.name, &GroupRow::name) != 1;
    });
}
static_assert(is_unambiguous(kVerbTable), "two verbs or groups have the same words or method");

/// Whether each group has verbs, and each verb's group has its row.
constexpr bool groups_are_complete(const VerbTable& table) {
    return std::ranges::all_of(table.groups,
                               [&](const GroupRow& group) {
                                   return std::ranges::contains(table.verbs, group.name, &VerbRow::group);
                               }) &&
           std::ranges::all_of(table.verbs, [&](const VerbRow& verb) {
               return verb.group.empty() || std::ranges::contains(table.groups, verb.group, &GroupRow::name);
           });
}
static_assert(groups_are_complete(kVerbTable), "a group without its row in kGroups, or without a verb");

/// The verb as it is written on the command line: "list", or "image pull".
[[nodiscard]] constexpr std::string full_name(const VerbRow& verb) {
    return verb.group.empty() ? std::string(verb.name) : std::string(verb.group) + " " + std::string(verb.name);
}

constexpr const VerbRow& verb_row(Verb verb) { return kVerbs[static_cast<std::size_t>(verb)]; }

/// The arguments of a call of this verb, none of them given yet.
[[nodiscard]] inline Request request_of(const VerbRow& verb) { return {verb.params.make(), {}}; }
[[nodiscard]] inline Request request_of(Verb verb) { return request_of(verb_row(verb)); }

/// `visit` gets the value of a parameter of the verb that the request is for.
decltype(auto) visit_argument(const Param& param, Request& request, auto&& visit) {
    return std::visit([&](auto* value) -> decltype(auto) { return visit(*value); }, param.find(request.arguments));
}
decltype(auto) visit_argument(const Param& param, const Request& request, auto&& visit) {
    // Finding changes nothing, and the visitor gets a constant.
    return std::visit([&](const auto* value) -> decltype(auto) { return visit(*value); },
                      param.find(const_cast<Arguments&>(request.arguments)));
}

/// The value of a parameter of this type.
template <class T>
[[nodiscard]] T& argument(const Param& param, Request& request) {
    return *std::get<T*>(param.find(request.arguments));
}

[[nodiscard]] inline bool is_given(const Param& param, const Request& request) {
    return visit_argument(param, request, []<class T>(const T& value) {
        if constexpr (requires { value.empty(); })
            return !value.empty();
        else if constexpr (requires { value.has_value(); })
            return value.has_value();
        else
            return value != T();
    });
}

/// An argument that asks for the action of another verb than its own.
struct ActionRow {
    std::string_view argument;  // Param::name
    Verb verb;
};

/// The first that is given counts.
inline constexpr auto kArgumentActions = std::to_array<ActionRow>({
    // A caller who may write to an exec could as well have started it.
    {"exec", Verb::exec},
    // They choose the program that runs, which is more than starting what was configured.
    {"args", Verb::create},
});

[[nodiscard]] inline std::string_view action_of(const VerbRow& verb, const Request& request) {
    for (const auto& row : kArgumentActions)
        for (const auto& param : verb.params)
            if (param.name == row.argument && is_given(param, request)) return verb_row(row.verb).action;
    return verb.action;
}

/// Whether a verb can be asked for again and again at an interval.
constexpr bool repeats(const VerbRow& verb) {
    return std::ranges::any_of(verb.params, [](const Param& param) { return param.name == rows::kInterval.text.name; });
}

/// The interval that a request of a verb that repeats asks for.
[[nodiscard]] inline std::optional<std::uint64_t> interval_of(const Request& request) {
    return std::visit(
        [](const auto& arguments) -> std::optional<std::uint64_t> {
            if constexpr (requires { arguments.interval_usec; }) return arguments.interval_usec;
            return std::nullopt;
        },
        request.arguments);
}

/// Whether it is about one container, whose name comes first.
constexpr bool is_about_container(const VerbRow& verb) {
    return !verb.params.empty() && verb.params.front().name == rows::kName.text.name;
}

/// Whether a caller may ask for several answers to one call: over varlink with `more`, on D-Bus by a method of its own,
/// called "Follow" and the method's name, whose answer is a stream.
constexpr bool can_be_followed(const VerbRow& verb) { return repeats(verb) || verb.answers == Answers::progress; }

/// Whether varlink's `more` asks for the answer in parts.
constexpr bool comes_in_parts(const VerbRow& verb) { return verb.answers == Answers::in_parts; }

namespace rows {
consteval bool verbs_are_in_order() {
    for (std::size_t i = 0; i < kVerbs.size(); ++i)
        if (static_cast<std::size_t>(kVerbs[i].value) != i) return false;
    return true;
}
}  // namespace rows
static_assert(rows::verbs_are_in_order());

}  // namespace xctl::api
