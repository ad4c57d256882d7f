// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/readings.hpp"

#include <fcntl.h>

#include <algorithm>
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

namespace xctl::run {
namespace {

constexpr std::size_t kMostStuckShown = 3;

using api::Stats;
using kernel::Pressure;
using Reading = Stats::Reading;

/// The cgroup `payload` of a container and, above it, that of its unit. Where no limit has needed a controller in the
/// payload, only the unit has that one's files; all that the unit has beside is a keeper.
class MeasuredGroups {
public:
    explicit MeasuredGroups(int payload) : payload_(payload) {
        if (auto unit = kernel::open_at(payload, "..", O_RDONLY | O_DIRECTORY)) unit_ = std::move(*unit);
    }
    [[nodiscard]] Reading number(const char* file) const {
        return first([file](int cgroup) { return kernel::read_number(cgroup, file); });
    }
    [[nodiscard]] Reading counter(const char* file, std::string_view key) const {
        return first([&](int cgroup) { return kernel::find_counter(kernel::read_counters(cgroup, file), key); });
    }
    /// A missing file is unknown; a device without a row has done nothing.
    [[nodiscard]] Reading of_devices(std::string_view key) const {
        return first([&](int cgroup) -> Reading {
            const auto text = kernel::read_file_at(cgroup, "io.stat");
            if (!text) return std::nullopt;
            std::uint64_t sum = 0;
            for (const auto& device : kernel::parse_device_counters(*text)) sum += kernel::counter(device.counters, key);
            return sum;
        });
    }
    /// The tightest one.
    [[nodiscard]] Reading limit(const char* file) const {
        const auto inner = kernel::read_number(payload_, file).value_or(UINT64_MAX);
        const auto outer = unit_ ? kernel::read_number(unit_.get(), file).value_or(UINT64_MAX) : UINT64_MAX;
        const auto least = std::min(inner, outer);
        return least == UINT64_MAX ? std::nullopt : Reading(least);
    }

private:
    [[nodiscard]] Reading first(auto&& read) const {
        const Reading inner = read(payload_);
        return inner || !unit_ ? inner : read(unit_.get());
    }

    int payload_;
    UniqueFd unit_;
};

struct NumberReading {
    Reading Stats::*reading;
    const char* file;
};

struct CounterReading {
    Reading Stats::*reading;
    const char* file;
    std::string_view key;
};

struct DeviceReading {
    Reading Stats::*reading;
    std::string_view key;
};

struct PressureReading {
    const char* file;
    Reading Stats::*share;
    Reading Stats::*time;
    std::optional<kernel::PressureLine> kernel::Pressure::*line;
};

constexpr NumberReading kReadNumbers[]{
    {&Stats::memory, "memory.current"},
    {&Stats::memory_peak, "memory.peak"},
    {&Stats::swap, "memory.swap.current"},
    {&Stats::processes, "pids.current"},
};

constexpr NumberReading kReadLimits[]{
    {&Stats::memory_limit, "memory.max"},
    {&Stats::swap_limit, "memory.swap.max"},
    {&Stats::processes_limit, "pids.max"},
};

constexpr CounterReading kReadCounters[]{
    {&Stats::cache, "memory.stat", "file"},
    {&Stats::oom_kills, "memory.events", "oom_kill"},
    {&Stats::cpu_usec, "cpu.stat", "usage_usec"},
    {&Stats::cpu_user_usec, "cpu.stat", "user_usec"},
    {&Stats::cpu_system_usec, "cpu.stat", "system_usec"},
    {&Stats::throttled_usec, "cpu.stat", "throttled_usec"},
};

constexpr DeviceReading kReadDevices[]{
    {&Stats::read_bytes, "rbytes"},
    {&Stats::written_bytes, "wbytes"},
    {&Stats::reads, "rios"},
    {&Stats::writes, "wios"},
};

constexpr PressureReading kPressures[]{
    {"cpu.pressure", &Stats::cpu_some, &Stats::cpu_some_usec, &Pressure::some},
    {"memory.pressure", &Stats::memory_some, &Stats::memory_some_usec, &Pressure::some},
    {"memory.pressure", &Stats::memory_full, &Stats::memory_full_usec, &Pressure::full},
    {"io.pressure", &Stats::io_some, &Stats::io_some_usec, &Pressure::some},
    {"io.pressure", &Stats::io_full, &Stats::io_full_usec, &Pressure::full},
};

/// Every cgroup has its own, whatever its controllers.
void add_pressure(Stats& out, int cgroup) {
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

api::Stats read_stats(const std::string& name, int payload) {
    Stats out;
    out.name = name;
    out.time = to_usec(std::chrono::system_clock::now());
    const MeasuredGroups groups(payload);
    for (const auto& row : kReadNumbers) out.*row.reading = groups.number(row.file);
    for (const auto& row : kReadLimits) out.*row.reading = groups.limit(row.file);
    for (const auto& row : kReadCounters) out.*row.reading = groups.counter(row.file, row.key);
    for (const auto& row : kReadDevices) out.*row.reading = groups.of_devices(row.key);
    add_pressure(out, payload);
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

}  // namespace xctl::run
