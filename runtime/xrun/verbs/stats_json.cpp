// SPDX-License-Identifier: LGPL-2.1-or-later
// A container's statistics in the shape that callers of `events` read: what cgroup v2 counts, by the names of v1.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "lib/base/fd.hpp"
#include "lib/kernel/cgroup_stats.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/xrun/verbs/stats.hpp"

namespace xctl::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kNanoseconds = 1000;  // in a microsecond

std::string read(CgroupFd cgroup, const char* file) {
    auto text = kernel::read_file_at(directory_of(cgroup), file);
    if (!text) return {};
    while (text->ends_with('\n')) text->pop_back();
    return std::move(*text);
}

std::uint64_t number_of(CgroupFd cgroup, const char* file) { return kernel::read_number(cgroup, file).value_or(0); }

Json to_json(const kernel::Counters& counters) {
    Json out = Json::object();
    for (const auto& [key, value] : counters) out[key] = value;
    return out;
}

Json cpu(CgroupFd cgroup) {
    const auto stat = kernel::read_counters(cgroup, "cpu.stat");
    return {{"usage",
             {{"total", kernel::counter(stat, "usage_usec") * kNanoseconds},
              {"kernel", kernel::counter(stat, "system_usec") * kNanoseconds},
              {"user", kernel::counter(stat, "user_usec") * kNanoseconds}}},
            {"throttling",
             {{"periods", kernel::counter(stat, "nr_periods")},
              {"throttledPeriods", kernel::counter(stat, "nr_throttled")},
              {"throttledTime", kernel::counter(stat, "throttled_usec") * kNanoseconds}}}};
}

Json memory_entry(CgroupFd cgroup, const char* limit, const char* usage, const char* peak, std::uint64_t failures) {
    return {{"limit", number_of(cgroup, limit)},
            {"usage", number_of(cgroup, usage)},
            {"max", number_of(cgroup, peak)},
            {"failcnt", failures}};
}

Json memory(CgroupFd cgroup) {
    const auto stat = kernel::read_counters(cgroup, "memory.stat");
    const auto failures = kernel::counter(kernel::read_counters(cgroup, "memory.events"), "max");
    return {{"cache", kernel::counter(stat, "file")},
            {"usage", memory_entry(cgroup, "memory.max", "memory.current", "memory.peak", failures)},
            {"swap", memory_entry(cgroup, "memory.swap.max", "memory.swap.current", "memory.swap.peak", 0)},
            {"kernel", {{"usage", kernel::counter(stat, "kernel")}}},
            {"kernelTCP", {{"usage", kernel::counter(stat, "sock")}}},
            {"raw", to_json(stat)}};
}

struct IoRow {
    std::string_view key;  // in io.stat
    const char* list;   // of the statistics
    const char* op;
};

constexpr std::array kIoRows{
    IoRow{"rbytes", "ioServiceBytesRecursive", "Read"},   IoRow{"wbytes", "ioServiceBytesRecursive", "Write"},
    IoRow{"dbytes", "ioServiceBytesRecursive", "Discard"}, IoRow{"rios", "ioServicedRecursive", "Read"},
    IoRow{"wios", "ioServicedRecursive", "Write"},         IoRow{"dios", "ioServicedRecursive", "Discard"},
};

Json block_io(CgroupFd cgroup) {
    Json out = Json::object();
    for (const auto& device : kernel::read_device_counters(cgroup))
        for (const auto& row : kIoRows)
            if (std::ranges::contains(device.counters, row.key, &kernel::Counters::value_type::first))
                out[row.list].push_back({{"major", device.major},
                                         {"minor", device.minor},
                                         {"op", row.op},
                                         {"value", kernel::counter(device.counters, row.key)}});
    return out;
}

Json pressure(CgroupFd cgroup, const char* file) {
    Json out = Json::object();
    const auto add = [&](const char* name, const std::optional<kernel::PressureLine>& line) {
        if (line)
            out[name] = {
                {"avg10", line->avg10}, {"avg60", line->avg60}, {"avg300", line->avg300}, {"total", line->total}};
    };
    const auto read = kernel::read_pressure(cgroup, file);
    add("some", read.some);
    add("full", read.full);
    return out;
}

}  // namespace

std::string stats_json(const std::string& id, CgroupFd cgroup) {
    Json data{
        {"cpu", cpu(cgroup)},
        {"cpuset", {{"cpus", read(cgroup, "cpuset.cpus.effective")}, {"mems", read(cgroup, "cpuset.mems.effective")}}},
        {"memory", memory(cgroup)},
        {"pids", {{"current", number_of(cgroup, "pids.current")}, {"limit", number_of(cgroup, "pids.max")}}},
        {"blkio", block_io(cgroup)},
        {"hugetlb", Json::object()},
        {"intel_rdt", Json::object()},
        {"network_interfaces", nullptr}};
    for (const char* name : {"cpu", "memory"})
        data[name]["psi"] = pressure(cgroup, (std::string(name) + ".pressure").c_str());
    data["blkio"]["psi"] = pressure(cgroup, "io.pressure");
    return Json{{"type", "stats"}, {"id", id}, {"data", std::move(data)}}.dump();
}

std::string oom_json(const std::string& id) { return Json{{"type", "oom"}, {"id", id}}.dump(); }

std::uint64_t count_oom_kills(CgroupFd cgroup) {
    return kernel::counter(kernel::read_counters(cgroup, "memory.events"), "oom_kill");
}

}  // namespace xctl::runtime
