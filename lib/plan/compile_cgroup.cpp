// SPDX-License-Identifier: LGPL-2.1-or-later
// linux.resources to files of cgroup v2. The specification speaks of v1; the conversions are those of the field.
#include <cmath>
#include <format>
#include <set>

#include "lib/base/text.hpp"
#include "lib/plan/compile_parts.hpp"

namespace xctl::plan {
namespace {

constexpr std::uint64_t kDefaultPeriod = 100'000;  // microseconds, the kernel's own
constexpr std::uint64_t kMaxShares = 262'144;
constexpr std::uint64_t kMaxWeight = 10'000;

/// Maps the v1 range 2..262144 to the v2 range 1..10000 such that v1's default of 1024 becomes v2's default of
/// 100: a quadratic curve through these three points in logarithms.
std::uint64_t weight_of_shares(std::uint64_t shares) {
    if (shares <= 2) return 1;
    if (shares >= kMaxShares) return kMaxWeight;
    const double log = std::log2(static_cast<double>(shares));
    const double exponent = (log * log + 125 * log) / 612.0 - 7.0 / 34.0;
    return static_cast<std::uint64_t>(std::ceil(std::pow(10, exponent)));
}

std::string amount(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

class CgroupCompiler {
public:
    CgroupCompiler(const oci::Resources& resources, std::string_view oci_version)
        : resources_(resources), oci_version_(oci_version) {}

    Cgroup compile() {
        add_memory();
        add_cpu();
        add_pids();
        for (const auto& [file, value] : resources_.unified)
            for (const auto& line : split(value, '\n'))  // the kernel takes one line per write
                if (!line.empty()) add(file, line, "unified/" + file);
        out_.device_program = compile_device_rules(resources_.devices);
        return std::move(out_);
    }

private:
    void add(std::string_view file, std::string value, std::string_view property) {
        out_.files.push_back({std::string(file), std::move(value), std::format("/linux/resources/{}", property)});
        const std::string controller(file.substr(0, file.find('.')));
        if (controller != "cgroup" && controllers_.insert(controller).second)
            out_.controllers.push_back(controller);
    }

    void add_memory() {
        const auto& memory = resources_.memory;
        const auto limit = memory.limit.value_or(0);  // 0 is "not set" here
        if (limit != 0) add("memory.max", amount(limit), "memory/limit");
        if (memory.reservation.value_or(0) != 0)
            add("memory.low", amount(*memory.reservation), "memory/reservation");
        const auto swap = memory.swap.value_or(0);
        if (swap < 0)
            add("memory.swap.max", "max", "memory/swap");
        else if (swap > 0)
            add("memory.swap.max", amount(swap - limit), "memory/swap");
    }

    void add_cpu() {
        const auto& cpu = resources_.cpu;
        if (cpu.shares.value_or(0) != 0)
            add("cpu.weight", std::to_string(weight_of_shares(*cpu.shares)), "cpu/shares");
        const auto quota = cpu.quota.value_or(0);
        const auto period = cpu.period.value_or(0);
        if (quota != 0 || period != 0)
            add("cpu.max",
                std::format("{} {}", quota > 0 ? amount(quota) : "max", period != 0 ? period : kDefaultPeriod),
                quota != 0 ? "cpu/quota" : "cpu/period");
        if (cpu.burst) add("cpu.max.burst", std::to_string(*cpu.burst), "cpu/burst");
        // An idle group has no weight to set, so this comes after it.
        if (cpu.idle) add("cpu.idle", std::to_string(*cpu.idle), "cpu/idle");
        if (!cpu.cpus.empty()) add("cpuset.cpus", cpu.cpus, "cpu/cpus");
        if (!cpu.mems.empty()) add("cpuset.mems", cpu.mems, "cpu/mems");
    }

    /// Since 1.3 zero is a limit; documents of earlier versions mean "not set".
    void add_pids() {
        const auto& limit = resources_.pids.limit;
        const bool zero_is_unset = oci_version_.starts_with("1.0.") || oci_version_.starts_with("1.1.") ||
                                   oci_version_.starts_with("1.2.");
        if (!limit || (*limit == 0 && zero_is_unset)) return;
        add("pids.max", amount(*limit), "pids/limit");
    }

    const oci::Resources& resources_;
    std::string_view oci_version_;
    std::set<std::string> controllers_;
    Cgroup out_;
};

}  // namespace

Cgroup compile_cgroup(const oci::Resources& resources, std::string_view oci_version) {
    return CgroupCompiler(resources, oci_version).compile();
}

}  // namespace xctl::plan
