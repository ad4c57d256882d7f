// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules for `linux.resources` and `linux.seccomp`.
#include <algorithm>
#include <array>

#include "lib/base/text.hpp"
#include "lib/oci/check.hpp"

namespace xctl::oci {
namespace {

constexpr std::uint32_t kMaxErrno = 4095;  // the kernel's MAX_ERRNO
constexpr std::uint32_t kMaxSyscallArg = 5;
constexpr std::size_t kMaxSyscallNames = 10'000;  // a kernel has some 400 calls, a filter 4096 instructions
constexpr std::string_view kArchPrefix = "SCMP_ARCH_";

/// Files that place or stop processes or shape the tree: they are no limits, and not for a document to write.
constexpr std::array<std::string_view, 6> kCgroupControls{
    "cgroup.procs", "cgroup.threads", "cgroup.type", "cgroup.kill", "cgroup.freeze", "cgroup.subtree_control"};

Result<> check_device_rule(const DeviceRule& rule, const std::string& pointer) {
    constexpr std::array<std::string_view, 4> kTypes{"", "a", "b", "c"};
    if (!std::ranges::contains(kTypes, rule.type))
        return broken(pointer + "/type", "must be one of \"a\", \"b\", \"c\"");
    if (rule.access.find_first_not_of("rwm") != std::string::npos)
        return broken(pointer + "/access", "must be letters of \"rwm\"");
    const auto is_number = [](const std::optional<std::int64_t>& number) {
        return !number || (*number >= -1 && *number < (std::int64_t{1} << 31));
    };
    if (!is_number(rule.major)) return broken(pointer + "/major", "must be a device number or -1");
    if (!is_number(rule.minor)) return broken(pointer + "/minor", "must be a device number or -1");
    return {};
}

Result<> check_memory(const MemoryLimits& memory) {
    constexpr std::string_view kBase = "/linux/resources/memory";
    const auto is_amount = [](const std::optional<std::int64_t>& amount) { return !amount || *amount >= -1; };
    if (!is_amount(memory.limit)) return broken(std::format("{}/limit", kBase), "must be -1 or a number of bytes");
    if (!is_amount(memory.reservation))
        return broken(std::format("{}/reservation", kBase), "must be -1 or a number of bytes");
    if (!is_amount(memory.swap)) return broken(std::format("{}/swap", kBase), "must be -1 or a number of bytes");
    const auto swap = memory.swap.value_or(0);
    const auto limit = memory.limit.value_or(0);
    if (swap > 0 && limit <= 0)
        return broken(std::format("{}/swap", kBase), "is memory and swap together: needs a limit of memory");
    if (swap > 0 && swap < limit)
        return broken(std::format("{}/swap", kBase), "is memory and swap together: must not be below the limit");
    return {};
}

bool is_id_list(std::string_view text) { return text.find_first_not_of("0123456789,-") == std::string_view::npos; }

Result<> check_cpu(const CpuLimits& cpu) {
    constexpr std::string_view kBase = "/linux/resources/cpu";
    if (cpu.idle && *cpu.idle != 0 && *cpu.idle != 1)
        return broken(std::format("{}/idle", kBase), "must be 0 or 1");
    if (!is_id_list(cpu.cpus)) return broken(std::format("{}/cpus", kBase), "must be a list like 0-3,5");
    if (!is_id_list(cpu.mems)) return broken(std::format("{}/mems", kBase), "must be a list like 0-3,5");
    return {};
}

bool is_weight(const std::optional<std::uint16_t>& weight) {
    return weight.value_or(0) == 0 || (*weight >= 10 && *weight <= 1000);
}

Result<> check_throttles(const std::vector<ThrottleDevice>& rows, std::string_view name) {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].major < 0 || rows[i].minor < 0)
            return broken(std::format("/linux/resources/blockIO/{}/{}", name, i), "must have a device number");
    return {};
}

Result<> check_block_io(const BlockIo& io) {
    constexpr std::string_view kBase = "/linux/resources/blockIO";
    constexpr std::string_view kRange = "must be from 10 to 1000";
    if (!is_weight(io.weight)) return broken(std::format("{}/weight", kBase), kRange);
    for (std::size_t i = 0; i < io.weight_device.size(); ++i) {
        const auto pointer = std::format("{}/weightDevice/{}", kBase, i);
        if (io.weight_device[i].major < 0 || io.weight_device[i].minor < 0)
            return broken(pointer, "must have a device number");
        if (!is_weight(io.weight_device[i].weight)) return broken(pointer + "/weight", kRange);
    }
    TRY(check_throttles(io.throttle_read_bps, "throttleReadBpsDevice"));
    TRY(check_throttles(io.throttle_write_bps, "throttleWriteBpsDevice"));
    TRY(check_throttles(io.throttle_read_iops, "throttleReadIOPSDevice"));
    return check_throttles(io.throttle_write_iops, "throttleWriteIOPSDevice");
}

/// It becomes part of a file's name.
bool is_page_size(std::string_view text) {
    if (!text.ends_with("KB") && !text.ends_with("MB") && !text.ends_with("GB")) return false;
    text.remove_suffix(2);
    return !text.empty() && text[0] != '0' && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<> check_huge_pages(const std::vector<HugepageLimit>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!is_page_size(rows[i].page_size))
            return broken(std::format("/linux/resources/hugepageLimits/{}/pageSize", i), "must be a size like 2MB");
    return {};
}

Result<> check_rdma(const std::map<std::string, RdmaLimit>& rows) {
    for (const auto& [device, limit] : rows)
        if (device.empty() || device.find_first_of(" \t\n") != std::string::npos)
            return broken("/linux/resources/rdma", std::format("{} is not a device", xctl::quoted(device)));
    return {};
}

Result<> check_unified(const std::map<std::string, std::string>& unified) {
    for (const auto& [file, value] : unified) {
        const auto refused = [&](std::string_view rule) {
            return broken("/linux/resources/unified", std::format("{} {}", xctl::quoted(file), rule));
        };
        const auto dot = file.find('.');
        if (file.contains('/') || dot == std::string::npos || dot == 0)
            return broken("/linux/resources/unified",
                          std::format("the specified key has not the form CONTROLLER.VALUE `{}`", file));
        if (std::ranges::contains(kCgroupControls, file)) return refused("is not a limit");
    }
    return {};
}

bool takes_errno(SeccompAction action) {
    return std::ranges::any_of(kSeccompActionNames,
                               [&](const auto& row) { return row.value == action && row.takes_errno; });
}

Result<> check_errno(SeccompAction action, const std::optional<std::uint32_t>& number,
                     const std::string& pointer) {
    if (!number) return {};
    if (!takes_errno(action)) return broken(pointer, "has no meaning for this action");
    if (*number > kMaxErrno) return broken(pointer, std::format("must not be above {}", kMaxErrno));
    return {};
}

Result<> check_syscall_rule(const SyscallRule& rule, const std::string& pointer) {
    if (rule.names.empty()) return broken(pointer + "/names", "must be an array of at least one string");
    TRY(check_errno(rule.action, rule.errno_ret, pointer + "/errnoRet"));
    for (std::size_t i = 0; i < rule.args.size(); ++i)
        if (rule.args[i].index > kMaxSyscallArg)
            return broken(std::format("{}/args/{}/index", pointer, i), "must be a whole number from 0 to 5");
    // Whoever handles the notification would have to wait for its own write.
    if (rule.action == SeccompAction::notify && std::ranges::contains(rule.names, "write"))
        return broken(pointer + "/action", "SCMP_ACT_NOTIFY cannot be used for the write syscall");
    return {};
}

}  // namespace

Result<> check_resources(const Resources& resources) {
    for (std::size_t i = 0; i < resources.devices.size(); ++i)
        TRY(check_device_rule(resources.devices[i], std::format("/linux/resources/devices/{}", i)));
    TRY(check_memory(resources.memory));
    TRY(check_cpu(resources.cpu));
    TRY(check_block_io(resources.block_io));
    TRY(check_huge_pages(resources.hugepage_limits));
    TRY(check_rdma(resources.rdma));
    return check_unified(resources.unified);
}

Result<> check_seccomp(const Seccomp& seccomp) {
    if (seccomp.default_action == SeccompAction::notify)
        return broken("/linux/seccomp/defaultAction", "must not be SCMP_ACT_NOTIFY");
    TRY(check_errno(seccomp.default_action, seccomp.default_errno_ret, "/linux/seccomp/defaultErrnoRet"));
    for (std::size_t i = 0; i < seccomp.architectures.size(); ++i) {
        std::string_view name = seccomp.architectures[i];
        const bool prefixed = name.starts_with(kArchPrefix);
        if (prefixed) name.remove_prefix(kArchPrefix.size());
        if (!prefixed || !std::ranges::contains(kSeccompArchitectures, name))
            return broken(std::format("/linux/seccomp/architectures/{}", i), "is not an architecture");
    }
    if (seccomp.listener_path.empty() && !seccomp.listener_metadata.empty())
        return broken("/linux/seccomp/listenerMetadata", "needs listenerPath");
    if (!seccomp.listener_path.empty()) TRY(check_absolute(seccomp.listener_path, "/linux/seccomp/listenerPath"));
    std::size_t names = 0;
    for (std::size_t i = 0; i < seccomp.syscalls.size(); ++i) {
        const auto pointer = std::format("/linux/seccomp/syscalls/{}", i);
        TRY(check_syscall_rule(seccomp.syscalls[i], pointer));
        if (seccomp.syscalls[i].action == SeccompAction::notify && seccomp.listener_path.empty())
            return broken(pointer + "/action", "SCMP_ACT_NOTIFY needs /linux/seccomp/listenerPath");
        names += seccomp.syscalls[i].names.size();
    }
    if (names > kMaxSyscallNames)
        return broken("/linux/seccomp/syscalls",
                      std::format("must not name more than {} calls", kMaxSyscallNames));
    return {};
}

}  // namespace xctl::oci
