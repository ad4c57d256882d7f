// SPDX-License-Identifier: LGPL-2.1-or-later
// What verbs answer: one row per output, read by both adapters, the client and the manual page.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "api/readings.hpp"
#include "api/run_info.hpp"
#include "api/types.hpp"
#include "lib/base/table.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::api {

enum class Output : unsigned char {
    container, containers, oci_state, fd, event, stats, interfaces, processes, exec, run, runs, settings,
    findings, text, clients, left_out, execs, outcomes,
};

/// The answer to a verb; its row says which of these are meant.
struct Reply {
    ContainerInfo container;
    std::vector<ContainerInfo> containers;
    std::string oci_state;  // JSON
    UniqueFd fd;
    Event event;
    Stats stats;
    std::vector<Interface> interfaces;
    std::vector<Process> processes;
    std::string exec;
    RunInfo run;
    std::vector<RunInfo> runs;
    std::vector<Setting> settings;
    std::vector<Finding> findings;
    std::string text;
    std::vector<ClientInfo> clients;
    std::uint64_t left_out = 0;
    std::vector<ExecInfo> execs;
    std::vector<Outcome> outcomes;
};

/// A struct's name in the varlink interface, and its fields.
template <class T>
struct Described;

template <>
struct Described<ContainerInfo> {
    static constexpr std::string_view kName = "Container";
    static constexpr std::string_view kHelp = "One container. Times are microseconds since the epoch, 0 for never";
    static constexpr const auto& kFields = kContainerFields;
};

template <>
struct Described<Event> {
    static constexpr std::string_view kName = "Event";
    static constexpr std::string_view kHelp = "Something that happened to a container";
    static constexpr const auto& kFields = kEventFields;
};

template <>
struct Described<Stats> {
    static constexpr std::string_view kName = "Statistics";
    static constexpr std::string_view kHelp =
        "What a container uses. What nobody knows, and a limit that there is not, is null, or left out on D-Bus";
    static constexpr const auto& kFields = kStatsFields;
};

template <>
struct Described<Interface> {
    static constexpr std::string_view kName = "Interface";
    static constexpr std::string_view kHelp = "A network interface of a container with a network of its own";
    static constexpr const auto& kFields = kInterfaceFields;
};

template <>
struct Described<Process> {
    static constexpr std::string_view kName = "Process";
    static constexpr std::string_view kHelp = "A process of a container";
    static constexpr const auto& kFields = kProcessFields;
};

template <>
struct Described<RunInfo> {
    static constexpr std::string_view kName = "PastRun";
    static constexpr std::string_view kHelp =
        "How one run of a container went. Times are microseconds since the epoch, 0 for never";
    static constexpr const auto& kFields = kRunFields;
};

template <>
struct Described<Setting> {
    static constexpr std::string_view kName = "Setting";
    static constexpr std::string_view kHelp = "One value of a definition";
    static constexpr const auto& kFields = kSettingFields;
};

template <>
struct Described<Finding> {
    static constexpr std::string_view kName = "Finding";
    static constexpr std::string_view kHelp = "Something that Verify found";
    static constexpr const auto& kFields = kFindingFields;
};

template <>
struct Described<ClientInfo> {
    static constexpr std::string_view kName = "Client";
    static constexpr std::string_view kHelp = "One client of a console";
    static constexpr const auto& kFields = kClientFields;
};

template <>
struct Described<ExecInfo> {
    static constexpr std::string_view kName = "Program";
    static constexpr std::string_view kHelp = "A program that Exec has started in a container";
    static constexpr const auto& kFields = kExecFields;
};

template <>
struct Described<Outcome> {
    static constexpr std::string_view kName = "Outcome";
    static constexpr std::string_view kHelp = "How a call went for one of the containers that it names";
    static constexpr const auto& kFields = kOutcomeFields;
};

using Structures = std::tuple<ContainerInfo, Event, Stats, Interface, Process, RunInfo, Setting, Finding, ClientInfo,
                              ExecInfo, Outcome>;

template <class T>
concept Structure = requires { Described<T>::kFields; };

using ReplyMember = std::variant<ContainerInfo Reply::*, std::vector<ContainerInfo> Reply::*, std::string Reply::*,
                                 UniqueFd Reply::*, Event Reply::*, Stats Reply::*, std::vector<Interface> Reply::*,
                                 std::vector<Process> Reply::*, RunInfo Reply::*, std::vector<RunInfo> Reply::*,
                                 std::vector<Setting> Reply::*, std::vector<Finding> Reply::*,
                                 std::vector<ClientInfo> Reply::*, std::uint64_t Reply::*,
                                 std::vector<ExecInfo> Reply::*, std::vector<Outcome> Reply::*>;

struct OutputRow {
    Output value;
    std::string_view name;  // on the wire
    ReplyMember member;
    std::string_view help;
};

inline constexpr auto kOutputs = std::to_array<OutputRow>({
    {Output::container, "container", &Reply::container, "The container after the call"},
    {Output::containers, "containers", &Reply::containers, "All containers, by name"},
    {Output::oci_state, "ociState", &Reply::oci_state,
     "State as the OCI runtime specification writes it, as JSON text"},
    {Output::fd, "fd", &Reply::fd, "Index of the passed descriptor: the console's socket"},
    {Output::event, "event", &Reply::event, "One event; there is a reply for each"},
    {Output::stats, "stats", &Reply::stats, "What the container uses"},
    {Output::interfaces, "interfaces", &Reply::interfaces, "Its network interfaces; none if it has the host's"},
    {Output::processes, "processes", &Reply::processes, "Its processes, by number"},
    {Output::exec, "exec", &Reply::exec, "Identifies the new process to Attach"},
    {Output::run, "run", &Reply::run, "The last run that failed, or else the last one"},
    {Output::runs, "runs", &Reply::runs, "The latest runs, the oldest first"},
    {Output::settings, "settings", &Reply::settings, "Values of the definition; of Set and Edit, those that count at the next start only"},
    {Output::findings, "findings", &Reply::findings, "What was found; nothing is good"},
    {Output::text, "text", &Reply::text, "The answer, for people"},
    {Output::clients, "clients", &Reply::clients, "The clients of the console, the writer first"},
    {Output::left_out, "leftOut", &Reply::left_out, "How many more there are than the list before it holds"},
    {Output::execs, "execs", &Reply::execs, "The programs that Exec has started and that still run"},
    {Output::outcomes, "outcomes", &Reply::outcomes, "How the call went for each container, in the order of their names"},
});
static_assert(names_are_unique(kOutputs));

constexpr const OutputRow& output_row(Output output) { return kOutputs[static_cast<std::size_t>(output)]; }

/// `visit` gets the member of `reply` that an output means.
template <class SomeReply>
decltype(auto) visit_output(Output output, SomeReply& reply, auto&& visit) {
    return std::visit([&](auto member) -> decltype(auto) { return visit(reply.*member); }, output_row(output).member);
}

consteval bool outputs_are_in_order() {
    for (std::size_t i = 0; i < kOutputs.size(); ++i)
        if (static_cast<std::size_t>(kOutputs[i].value) != i) return false;
    return true;
}
static_assert(outputs_are_in_order());

/// Whether a struct that an output has is one of Structures.
template <class T>
consteval bool is_listed(T Reply::*) {
    return true;
}
template <Structure T>
consteval bool is_listed(T Reply::*) {
    return []<class... All>(std::type_identity<std::tuple<All...>>) {
        return (std::is_same_v<T, All> || ...);
    }(std::type_identity<Structures>());
}
template <Structure T>
consteval bool is_listed(std::vector<T> Reply::*) {
    return is_listed(static_cast<T Reply::*>(nullptr));
}
static_assert(std::ranges::all_of(kOutputs, [](const OutputRow& row) {
                  return std::visit([](auto member) { return is_listed(decltype(member)()); }, row.member);
              }),
              "Structures lacks a struct that an output has");

}  // namespace xctl::api
