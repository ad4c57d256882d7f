// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/readings.hpp"

#include <chrono>
#include <cmath>
#include <format>

#include "api/limits.hpp"
#include "lib/base/log.hpp"
#include "lib/base/time_text.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_stats.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/net_stats.hpp"
#include "lib/kernel/process_info.hpp"

namespace xctl {
namespace {

constexpr std::size_t kMostStuckShown = 3;

std::uint64_t number(int cgroup, const char* file, std::uint64_t standard) {
    return kernel::read_number(cgroup, file).value_or(standard);
}

void add_memory(api::Stats& out, int cgroup) {
    out.memory = number(cgroup, "memory.current", 0);
    out.memory_peak = number(cgroup, "memory.peak", 0);
    out.memory_limit = number(cgroup, "memory.max", UINT64_MAX);
    out.swap = number(cgroup, "memory.swap.current", 0);
    out.swap_limit = number(cgroup, "memory.swap.max", UINT64_MAX);
    out.cache = kernel::counter(kernel::read_counters(cgroup, "memory.stat"), "file");
    out.oom_kills = kernel::counter(kernel::read_counters(cgroup, "memory.events"), "oom_kill");
}

void add_cpu(api::Stats& out, int cgroup) {
    const auto stat = kernel::read_counters(cgroup, "cpu.stat");
    out.cpu_usec = kernel::counter(stat, "usage_usec");
    out.cpu_user_usec = kernel::counter(stat, "user_usec");
    out.cpu_system_usec = kernel::counter(stat, "system_usec");
    out.throttled_usec = kernel::counter(stat, "throttled_usec");
}

void add_io(api::Stats& out, int cgroup) {
    for (const auto& device : kernel::read_device_counters(cgroup)) {
        out.read_bytes += kernel::counter(device.counters, "rbytes");
        out.written_bytes += kernel::counter(device.counters, "wbytes");
        out.reads += kernel::counter(device.counters, "rios");
        out.writes += kernel::counter(device.counters, "wios");
    }
}

struct PressureRow {
    const char* file;
    std::uint64_t api::Stats::*share;
    std::uint64_t api::Stats::*time;
    std::optional<kernel::PressureLine> kernel::Pressure::*line;
};

using api::Stats;
using kernel::Pressure;

constexpr PressureRow kPressures[]{
    {"cpu.pressure", &Stats::cpu_some, &Stats::cpu_some_usec, &Pressure::some},
    {"memory.pressure", &Stats::memory_some, &Stats::memory_some_usec, &Pressure::some},
    {"memory.pressure", &Stats::memory_full, &Stats::memory_full_usec, &Pressure::full},
    {"io.pressure", &Stats::io_some, &Stats::io_some_usec, &Pressure::some},
    {"io.pressure", &Stats::io_full, &Stats::io_full_usec, &Pressure::full},
};

void add_pressure(api::Stats& out, int cgroup) {
    for (const auto& row : kPressures) {
        const auto pressure = kernel::read_pressure(cgroup, row.file);
        const auto& line = pressure.*row.line;
        if (!line) continue;
        out.*row.share = static_cast<std::uint64_t>(std::llround(line->avg10 * 100));
        out.*row.time = line->total;
    }
}

api::Process to_process(const kernel::ProcessInfo& info) {
    return {static_cast<std::uint64_t>(info.pid), static_cast<std::uint64_t>(info.inner_pid),
            static_cast<std::uint64_t>(info.parent), info.uid, std::string(1, info.state),
            shortened(valid_utf8(info.command), api::kMaxCommandBytes)};
}

/// How long it is as JSON, at most: "\u001b" has six bytes.
std::size_t json_size(const api::Process& process) {
    constexpr std::size_t kOfNames = 160, kEscaped = 6;
    std::size_t size = kOfNames;
    for (const char c : process.command)
        size += static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\' ? kEscaped : 1;
    return size;
}

/// The kernel function that it sleeps in, where the kernel says so.
std::string wait_of(pid_t pid) {
    const auto text = kernel::read_file_at(AT_FDCWD, std::format("/proc/{}/wchan", pid));
    return text && !text->empty() && *text != "0" ? " in " + *text : std::string();
}

}  // namespace

api::Stats read_stats(const std::string& name, int cgroup) {
    api::Stats out;
    out.name = name;
    out.time = to_usec(std::chrono::system_clock::now());
    add_memory(out, cgroup);
    add_cpu(out, cgroup);
    add_io(out, cgroup);
    add_pressure(out, cgroup);
    out.processes = number(cgroup, "pids.current", 0);
    out.processes_limit = number(cgroup, "pids.max", UINT64_MAX);
    return out;
}

Result<Excerpt<api::Interface>> read_network(int pidfd) {
    auto found = TRY(kernel::read_interfaces(pidfd, {api::kMaxInterfaces, api::kMaxAddresses}), "network interfaces");
    Excerpt<api::Interface> out;
    out.left_out = found.left_out;
    for (auto& link : found.rows) {
        const auto& [in, sent] = std::pair(link.received, link.sent);
        out.rows.push_back({std::move(link.name), std::move(link.addresses), link.up, in.bytes, in.packets, in.errors,
                            in.dropped, sent.bytes, sent.packets, sent.errors, sent.dropped, link.addresses_left_out});
    }
    return out;
}

Result<Excerpt<api::Process>> list_container_processes(int cgroup) {
    const auto pids = TRY(kernel::read_tree(cgroup), "processes");
    Excerpt<api::Process> out;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < pids.size(); ++i) {
        if (out.rows.size() == api::kMaxProcesses || bytes >= api::kMaxListBytes) {
            out.left_out = pids.size() - i;
            break;
        }
        // A longer one shows that it is cut.
        const auto info = kernel::read_process_info(pids[i], api::kMaxCommandBytes + 1);
        if (!info) continue;
        bytes += json_size(out.rows.emplace_back(to_process(*info)));
    }
    return out;
}

std::string describe_stuck(int cgroup) {
    const auto pids = kernel::read_tree(cgroup).value_or(std::vector<pid_t>());
    std::string text = std::format("{} killed process{} cannot end", pids.size(), pids.size() == 1 ? "" : "es");
    for (std::size_t i = 0; i < pids.size() && i < kMostStuckShown; ++i) {
        const auto info = kernel::read_process_info(pids[i]);
        if (!info) continue;
        text += std::format("{} {} ({}, state {}{})", i == 0 ? ":" : ",", info->pid, info->name, info->state,
                            wait_of(info->pid));
    }
    return text;
}

std::string find_oom_cgroup(int cgroup, const std::string& path) {
    std::string found;
    const auto visited = kernel::visit_cgroups(cgroup, [&](int at, const std::string& below) {
        if (kernel::counter(kernel::read_counters(at, "memory.events.local"), "oom_kill") == 0) return true;
        found = path + below;
        return false;
    });
    if (!visited) log_warning("find the cgroup that ran out of memory: " + visited.error().message);
    return found;
}

}  // namespace xctl
