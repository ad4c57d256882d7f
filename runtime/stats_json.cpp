// SPDX-License-Identifier: LGPL-2.1-or-later
// A container's statistics in the shape that callers of `events` read: what cgroup v2 counts, by the names of v1.
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/stats.hpp"

namespace xctl::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kNanoseconds = 1000;  // in a microsecond

std::string read(int cgroup, const char* file) {
    auto text = kernel::read_file_at(cgroup, file);
    if (!text) return {};
    while (text->ends_with('\n')) text->pop_back();
    return std::move(*text);
}

/// No limit is the largest number there is, as with v1.
std::optional<std::uint64_t> to_number(std::string_view text) {
    if (text == "max") return UINT64_MAX;
    const auto number = parse_unsigned(text);
    return number ? std::optional(*number) : std::nullopt;
}

std::uint64_t number_of(int cgroup, const char* file) { return to_number(read(cgroup, file)).value_or(0); }

/// "key value" lines.
Json flat(int cgroup, const char* file) {
    Json out = Json::object();
    for (const auto& line : split(read(cgroup, file), '\n')) {
        const auto blank = line.find(' ');
        if (blank == std::string::npos) continue;
        if (const auto number = to_number(line.substr(blank + 1))) out[line.substr(0, blank)] = *number;
    }
    return out;
}

std::uint64_t at(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() ? found->get<std::uint64_t>() : 0;
}

Json cpu(int cgroup) {
    const auto stat = flat(cgroup, "cpu.stat");
    return {{"usage",
             {{"total", at(stat, "usage_usec") * kNanoseconds},
              {"kernel", at(stat, "system_usec") * kNanoseconds},
              {"user", at(stat, "user_usec") * kNanoseconds}}},
            {"throttling",
             {{"periods", at(stat, "nr_periods")},
              {"throttledPeriods", at(stat, "nr_throttled")},
              {"throttledTime", at(stat, "throttled_usec") * kNanoseconds}}}};
}

Json memory_entry(int cgroup, const char* limit, const char* usage, const char* peak, std::uint64_t failures) {
    return {{"limit", number_of(cgroup, limit)},
            {"usage", number_of(cgroup, usage)},
            {"max", number_of(cgroup, peak)},
            {"failcnt", failures}};
}

Json memory(int cgroup) {
    const auto stat = flat(cgroup, "memory.stat");
    const auto failures = at(flat(cgroup, "memory.events"), "max");
    return {{"cache", at(stat, "file")},
            {"usage", memory_entry(cgroup, "memory.max", "memory.current", "memory.peak", failures)},
            {"swap", memory_entry(cgroup, "memory.swap.max", "memory.swap.current", "memory.swap.peak", 0)},
            {"kernel", {{"usage", at(stat, "kernel")}}},
            {"kernelTCP", {{"usage", at(stat, "sock")}}},
            {"raw", stat}};
}

struct IoRow {
    const char* key;    // in io.stat
    const char* list;   // of the statistics
    const char* op;
};

constexpr std::array kIoRows{
    IoRow{"rbytes", "ioServiceBytesRecursive", "Read"},   IoRow{"wbytes", "ioServiceBytesRecursive", "Write"},
    IoRow{"dbytes", "ioServiceBytesRecursive", "Discard"}, IoRow{"rios", "ioServicedRecursive", "Read"},
    IoRow{"wios", "ioServicedRecursive", "Write"},         IoRow{"dios", "ioServicedRecursive", "Discard"},
};

/// "MAJOR:MINOR key=value..."
void add_device(Json& out, const std::string& line) {
    const auto words = split(line, ' ');
    const auto colon = words[0].find(':');
    const auto major = parse_unsigned(std::string_view(words[0]).substr(0, colon));
    if (colon == std::string::npos || !major) return;
    const auto minor = parse_unsigned(std::string_view(words[0]).substr(colon + 1));
    if (!minor) return;
    for (const auto& row : kIoRows)
        for (const auto& word : words) {
            const std::string prefix = std::string(row.key) + "=";
            if (!word.starts_with(prefix)) continue;
            out[row.list].push_back({{"major", *major},
                                     {"minor", *minor},
                                     {"op", row.op},
                                     {"value", to_number(word.substr(prefix.size())).value_or(0)}});
        }
}

Json block_io(int cgroup) {
    Json out = Json::object();
    for (const auto& line : split(read(cgroup, "io.stat"), '\n'))
        if (!line.empty()) add_device(out, line);
    return out;
}

/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"
Json pressure(int cgroup, const char* file) {
    Json out = Json::object();
    for (const auto& line : split(read(cgroup, file), '\n')) {
        const auto words = split(line, ' ');
        for (std::size_t i = 1; i < words.size(); ++i) {
            const auto equals = words[i].find('=');
            if (equals == std::string::npos) continue;
            const auto number = Json::parse(words[i].substr(equals + 1), nullptr, false);
            if (number.is_number()) out[words[0]][words[i].substr(0, equals)] = number;
        }
    }
    return out;
}

}  // namespace

std::string stats_json(const std::string& id, int cgroup) {
    Json data{{"cpu", cpu(cgroup)},
              {"cpuset", {{"cpus", read(cgroup, "cpuset.cpus.effective")}, {"mems", read(cgroup, "cpuset.mems.effective")}}},
              {"memory", memory(cgroup)},
              {"pids", {{"current", number_of(cgroup, "pids.current")}, {"limit", number_of(cgroup, "pids.max")}}},
              {"blkio", block_io(cgroup)},
              {"hugetlb", Json::object()},
              {"intel_rdt", Json::object()},
              {"network_interfaces", nullptr}};
    for (const char* name : {"cpu", "memory"}) data[name]["psi"] = pressure(cgroup, (std::string(name) + ".pressure").c_str());
    data["blkio"]["psi"] = pressure(cgroup, "io.pressure");
    return Json{{"type", "stats"}, {"id", id}, {"data", std::move(data)}}.dump();
}

std::string oom_json(const std::string& id) { return Json{{"type", "oom"}, {"id", id}}.dump(); }

std::uint64_t count_oom_kills(int cgroup) { return at(flat(cgroup, "memory.events"), "oom_kill"); }

}  // namespace xctl::runtime
