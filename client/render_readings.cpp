// SPDX-License-Identifier: LGPL-2.1-or-later
// Processes, statistics and past runs as text for people.
#include <algorithm>
#include <cstdint>
#include <format>
#include <optional>

#include "client/render.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::client {
namespace {

using Reading = api::Stats::Reading;

constexpr std::string_view kUnknown = "-";

std::string known(const Reading& value, const auto& to_text) {
    return value ? std::string(to_text(*value)) : std::string(kUnknown);
}

std::string count_text(std::uint64_t count) { return std::to_string(count); }

std::string of_limit(const Reading& value, const Reading& limit, const auto& to_text) {
    return known(value, to_text) + (limit ? " of " + to_text(*limit) : std::string());
}

std::string duration_text(std::uint64_t usec) {
    return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(usec / 1000)));
}

std::string share(std::uint64_t some) { return std::format("{}.{:02}%", some / 100, some % 100); }

std::string interface_text(const api::Interface& interface) {
    const auto more = left_out_text(interface.addresses_left_out, "addresses");
    return std::format("{}{}{}{}{}{}, {} received, {} sent", interface.name, interface.up ? "" : " (down)",
                       interface.addresses.empty() ? "" : " ", join(interface.addresses, " "), more.empty() ? "" : " ",
                       more, size_text(interface.received_bytes), size_text(interface.sent_bytes));
}

std::string memory_text(const api::Stats& s) {
    auto out = of_limit(s.memory, s.memory_limit, size_text);
    if (!s.memory) return out;
    out += std::format(", {} at most, {} cached", known(s.memory_peak, size_text), known(s.cache, size_text));
    if (s.oom_kills.value_or(0) > 0) out += std::format(", {} killed for want of it", *s.oom_kills);
    return out;
}

std::string cpu_text(const api::Stats& s) {
    auto out = std::format("{}, {} of it in the kernel", known(s.cpu_usec, duration_text),
                           known(s.cpu_system_usec, duration_text));
    if (s.throttled_usec.value_or(0) > 0) out += ", throttled " + duration_text(*s.throttled_usec);
    return out;
}

/// "exited with 3", "was killed by SIGKILL".
std::string ending(const api::RunInfo& run) {
    if (run.exit_reason == "exited") return std::format("exited with {}", run.exit_status);
    if (run.exit_reason == "launch-failed") return "could not be launched";
    if (run.exit_reason == "unknown") return "ended, nobody knows how";
    return std::format("was ended by {}", exit_text(run.exit_reason, run.exit_status));
}

/// What is known beside how it ended, each a clause.
std::vector<std::string> reasons(const api::RunInfo& run) {
    std::vector<std::string> out;
    if (!run.message.empty()) out.push_back(run.message);
    if (!run.step.empty())
        out.push_back(
            std::format("step {}{}{}", xctl::quoted(run.step), run.path.empty() ? "" : ", path ",
                        run.path.empty() ? "" : xctl::quoted(run.path)) +
            (run.error > 0 ? std::format(", errno {} ({})", run.error, errno_text(static_cast<int>(run.error))) : ""));
    if (!run.oom_cgroup.empty()) out.push_back("the memory of " + run.oom_cgroup + " was used up");
    if (!run.by.empty()) out.push_back("after " + run.by);
    if (run.timed_out) out.push_back("it did not end in time when it was asked to, and was killed");
    return out;
}

std::string indented(std::string_view text) {
    std::string out;
    for (const auto& line : split(text, '\n'))
        if (!line.empty()) out += "    " + printable(line) + '\n';
    return out;
}

}  // namespace

std::string render_processes(std::span<const api::Process> processes, std::uint64_t left_out) {
    std::vector<std::vector<std::string>> lines{{"PID", "INNER", "PARENT", "UID", "STATE", "COMMAND"}};
    for (const auto& p : processes)
        lines.push_back({std::to_string(p.pid), std::to_string(p.inner_pid), std::to_string(p.parent),
                         std::to_string(p.uid), p.state, p.command});
    const auto more = left_out_text(left_out, "processes");
    return table_text(lines) + more + (more.empty() ? "" : "\n");
}

std::string render_stats(const api::Stats& s, std::span<const api::Interface> interfaces, std::uint64_t left_out) {
    std::vector<std::pair<std::string_view, std::string>> pairs{
        {"Name", s.name},
        {"Memory", memory_text(s)},
        {"Swap", of_limit(s.swap, s.swap_limit, size_text)},
        {"CPU", cpu_text(s)},
        {"Block I/O",
         std::format("{} read, {} written", known(s.read_bytes, size_text), known(s.written_bytes, size_text))},
        {"Processes", of_limit(s.processes, s.processes_limit, count_text)},
        {"Pressure",
         std::format("CPU {}, memory {}, full {}, I/O {}, full {}", known(s.cpu_some, share),
                     known(s.memory_some, share), known(s.memory_full, share), known(s.io_some, share),
                     known(s.io_full, share))},
    };
    for (const auto& interface : interfaces) pairs.emplace_back("Network", interface_text(interface));
    pairs.emplace_back("Network", left_out_text(left_out, "interfaces"));
    return pairs_text(pairs);
}

std::string render_why(const std::string& name, const api::RunInfo& run, Time now) {
    if (run.run == 0) return std::format("No run of {} has ended yet.\n", name);
    auto out = std::format("Run {} of {} {}, {}", run.run, name, ending(run), age_text(run.ended, now));
    if (run.started > 0) out += std::format(", after {}", duration_text(run.ended - std::min(run.started, run.ended)));
    for (const auto& reason : reasons(run)) out += "; " + reason;
    out = printable(out) + ".\n";
    if (!run.console.empty()) out += "The last lines it printed:\n" + indented(run.console);
    return out;
}

std::string render_history(std::span<const api::RunInfo> runs, Time now) {
    std::vector<std::vector<std::string>> lines{{"RUN", "STARTED", "ENDED", "EXIT", "CAUSE", "DETAILS"}};
    for (const auto& run : runs)
        lines.push_back({std::to_string(run.run), time_text(run.started), age_text(run.ended, now),
                         exit_text(run.exit_reason, run.exit_status), run.cause, join(reasons(run), "; ")});
    return table_text(lines);
}

}  // namespace xctl::client
