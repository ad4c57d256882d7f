// SPDX-License-Identifier: LGPL-2.1-or-later
// linux.resources to files of cgroup v2. The specification speaks of v1; the conversions are those of the field.
#include <algorithm>
#include <array>
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

/// The range 10..1000 of v1 to the range 1..10000 of v2.
std::uint64_t io_weight_of(std::uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

/// cgroup v2 has nothing of the kind. Other runtimes pass over these too.
struct ObsoleteRow {
    std::string_view property;
    bool (*is_asked_for)(const oci::Resources&);
};

bool is_limit(const std::optional<std::int64_t>& value) { return value && *value > 0; }

constexpr std::array kObsolete{
    ObsoleteRow{"memory/kernel", [](const oci::Resources& r) { return is_limit(r.memory.kernel); }},
    ObsoleteRow{"memory/kernelTCP", [](const oci::Resources& r) { return is_limit(r.memory.kernel_tcp); }},
    ObsoleteRow{"memory/swappiness", [](const oci::Resources& r) { return r.memory.swappiness.has_value(); }},
    ObsoleteRow{"memory/disableOOMKiller",
                [](const oci::Resources& r) { return r.memory.disable_oom_killer.value_or(false); }},
    ObsoleteRow{"blockIO/leafWeight", [](const oci::Resources& r) { return r.block_io.leaf_weight.value_or(0) != 0; }},
    ObsoleteRow{"network/classID", [](const oci::Resources& r) { return r.network.class_id.value_or(0) != 0; }},
    ObsoleteRow{"network/priorities", [](const oci::Resources& r) { return !r.network.priorities.empty(); }},
};

std::string amount(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

class CgroupCompiler {
public:
    CgroupCompiler(const oci::Resources& resources, std::string_view oci_version)
        : resources_(resources), oci_version_(oci_version) {}

    Cgroup compile() {
        add_memory();
        add_cpu();
        add_pids();
        add_block_io();
        add_huge_pages();
        add_rdma();
        for (const auto& [file, value] : resources_.unified)
            for (const auto& line : split(value, '\n'))  // the kernel takes one line per write
                if (!line.empty()) add(file, line, "unified/" + file);
        out_.device_program = compile_device_rules(resources_.devices);
        return std::move(out_);
    }

private:
    void add(std::string_view file, std::string value, std::string_view property,
             Presence presence = Presence::required) {
        out_.files.push_back(
            {std::string(file), std::move(value), std::format("/linux/resources/{}", property), presence});
        const std::string controller(file.substr(0, file.find('.')));
        if (controller != "cgroup" && controllers_.insert(controller).second)
            out_.controllers.push_back(controller);
    }

    void add_memory() {
        const auto& memory = resources_.memory;
        const auto limit = memory.limit.value_or(0);  // 0 is "not set" here
        if (limit != 0) add("memory.max", amount(limit), "memory/limit");
        if (limit > 0 && memory.check_before_update.value_or(false))
            out_.most_memory = static_cast<std::uint64_t>(limit);
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
        // The first process is born in the group, and nothing more fits in either way.
        add("pids.max", amount(*limit == 0 ? 1 : *limit), "pids/limit");
    }

    /// The scheduler BFQ has a file of its own, which takes the weights of v1 as they are.
    void add_weight(std::string_view device, std::uint64_t weight, std::string_view property) {
        if (weight == 0) return;
        add("io.bfq.weight", std::format("{}{}", device, weight), property, Presence::preferred);
        add("io.weight", std::format("{}{}", device, io_weight_of(weight)), property);
    }

    void add_block_io() {
        const auto& io = resources_.block_io;
        add_weight("", io.weight.value_or(0), "blockIO/weight");
        for (std::size_t i = 0; i < io.weight_device.size(); ++i) {
            const auto& row = io.weight_device[i];
            add_weight(std::format("{}:{} ", row.major, row.minor), row.weight.value_or(0),
                       std::format("blockIO/weightDevice/{}", i));
        }
        add_throttles(io.throttle_read_bps, "rbps", "throttleReadBpsDevice");
        add_throttles(io.throttle_write_bps, "wbps", "throttleWriteBpsDevice");
        add_throttles(io.throttle_read_iops, "riops", "throttleReadIOPSDevice");
        add_throttles(io.throttle_write_iops, "wiops", "throttleWriteIOPSDevice");
    }

    /// In v1 zero takes a limit back.
    void add_throttles(const std::vector<oci::ThrottleDevice>& rows, std::string_view key, std::string_view property) {
        for (std::size_t i = 0; i < rows.size(); ++i)
            add("io.max",
                std::format("{}:{} {}={}", rows[i].major, rows[i].minor, key,
                            rows[i].rate == 0 ? "max" : std::to_string(rows[i].rate)),
                std::format("blockIO/{}/{}", property, i));
    }

    /// Both what may be used and, where the kernel counts that, what may be reserved.
    void add_huge_pages() {
        for (std::size_t i = 0; i < resources_.hugepage_limits.size(); ++i) {
            const auto& [size, limit] = resources_.hugepage_limits[i];
            const auto property = std::format("hugepageLimits/{}", i);
            add(std::format("hugetlb.{}.rsvd.max", size), std::to_string(limit), property, Presence::optional);
            add(std::format("hugetlb.{}.max", size), std::to_string(limit), property);
        }
    }

    void add_rdma() {
        for (const auto& [device, limit] : resources_.rdma) {
            std::string line = device;
            if (limit.hca_handles) line += std::format(" hca_handle={}", *limit.hca_handles);
            if (limit.hca_objects) line += std::format(" hca_object={}", *limit.hca_objects);
            if (line != device) add("rdma.max", line, "rdma/" + device);
        }
    }

    const oci::Resources& resources_;
    std::string_view oci_version_;
    std::set<std::string> controllers_;
    Cgroup out_;
};

}  // namespace

std::optional<std::uint32_t> find_cgroup_owner(const oci::Spec& spec) {
    const auto* users = oci::find_namespace(spec, oci::NamespaceType::user);
    const auto* groups = oci::find_namespace(spec, oci::NamespaceType::cgroup);
    if (users == nullptr || groups == nullptr || !groups->path.empty()) return std::nullopt;
    const bool is_writable = std::ranges::any_of(spec.mounts, [](const oci::Mount& mount) {
        return mount.destination == "/sys/fs/cgroup" && (mount.type == "cgroup" || mount.type == "cgroup2") &&
               !std::ranges::contains(mount.options, "ro");
    });
    if (!is_writable) return std::nullopt;
    return host_id_of(0, to_id_maps(spec.linux_config.uid_mappings));
}

namespace {

/// Files of a cgroup belong to the host's root unless they are given away, and a root without a user namespace can
/// mount cgroup2 itself where no filter of system calls forbids that.
bool can_make_cgroups(const oci::Spec& spec, const std::optional<std::uint32_t>& owner) {
    const auto* users = oci::find_namespace(spec, oci::NamespaceType::user);
    if (users == nullptr || !users->path.empty() || owner) return true;
    return std::ranges::any_of(spec.linux_config.uid_mappings,
                               [](const oci::IdMapping& line) { return line.host_id == 0 && line.size > 0; });
}

struct TreeLimit {
    std::string_view file, value;
};

/// Each cgroup costs the kernel memory that no limit counts, and whoever walks the tree time. systemd needs 5 levels
/// for a user's units, and a container in a container adds as many again.
constexpr std::array kTreeLimits{TreeLimit{"cgroup.max.depth", "32"}, TreeLimit{"cgroup.max.descendants", "4096"}};

}  // namespace

void limit_tree(const oci::Spec& spec, Cgroup& cgroup) {
    if (!can_make_cgroups(spec, cgroup.owner)) return;
    for (const auto& [file, value] : kTreeLimits)
        if (!std::ranges::contains(cgroup.files, file, &FileWrite::file))
            cgroup.files.push_back({std::string(file), std::string(value), {}, Presence::unasked});
}

Cgroup compile_cgroup(const oci::Resources& resources, std::string_view oci_version, Warnings* warnings) {
    if (warnings != nullptr)
        for (const auto& row : kObsolete)
            if (row.is_asked_for(resources))
                warnings->push_back(
                    std::format("/linux/resources/{}: cgroup v2 has no such limit: ignored", row.property));
    return CgroupCompiler(resources, oci_version).compile();
}

}  // namespace xctl::plan
