// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules for `linux`: namespaces, id maps, devices, sysctls, paths.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "lib/base/text.hpp"
#include "lib/oci/check.hpp"
#include "lib/oci/id_list.hpp"

namespace xctl::oci {
namespace {

constexpr std::size_t kMaxMappings = 340;          // user_namespaces(7)
constexpr std::int64_t kMaxMajor = (1 << 12) - 1;  // the kernel's dev_t
constexpr std::int64_t kMaxMinor = (1 << 20) - 1;
constexpr std::uint32_t kMaxFileMode = 07777;
constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::size_t kMaxInterfaceName = 15;

/// A sysctl is private to a container only with a namespace of this type. A name that ends in '/' is a prefix.
struct SysctlRow {
    std::string_view name;
    NamespaceType needs;
};

constexpr std::array kSysctls{
    SysctlRow{"kernel/msgmax", NamespaceType::ipc},
    SysctlRow{"kernel/msgmnb", NamespaceType::ipc},
    SysctlRow{"kernel/msgmni", NamespaceType::ipc},
    SysctlRow{"kernel/msg_next_id", NamespaceType::ipc},
    SysctlRow{"kernel/sem", NamespaceType::ipc},
    SysctlRow{"kernel/sem_next_id", NamespaceType::ipc},
    SysctlRow{"kernel/shmall", NamespaceType::ipc},
    SysctlRow{"kernel/shmmax", NamespaceType::ipc},
    SysctlRow{"kernel/shmmni", NamespaceType::ipc},
    SysctlRow{"kernel/shm_next_id", NamespaceType::ipc},
    SysctlRow{"kernel/shm_rmid_forced", NamespaceType::ipc},
    SysctlRow{"fs/mqueue/", NamespaceType::ipc},
    SysctlRow{"net/", NamespaceType::network},
    SysctlRow{"user/", NamespaceType::user},
    SysctlRow{"kernel/domainname", NamespaceType::uts},
};

const SysctlRow* find_sysctl(std::string_view file) {
    for (const auto& row : kSysctls)
        if (row.name.ends_with('/') ? file.starts_with(row.name) : file == row.name) return &row;
    return nullptr;
}

Result<> check_namespaces(const std::vector<Namespace>& namespaces) {
    std::set<NamespaceType> seen;
    for (std::size_t i = 0; i < namespaces.size(); ++i) {
        const auto pointer = std::format("/linux/namespaces/{}", i);
        if (!seen.insert(namespaces[i].type).second)
            return broken(pointer + "/type",
                          std::format("{} must not be given twice",
                                      xctl::quoted(name_of(kNamespaceNames, namespaces[i].type))));
        if (!namespaces[i].path.empty()) TRY(check_absolute(namespaces[i].path, pointer + "/path"));
    }
    return {};
}

Result<> check_user_namespace(const Spec& spec) {
    const auto& config = spec.linux_config;
    const auto* user = find_namespace(spec, NamespaceType::user);
    const bool mapped = !config.uid_mappings.empty() || !config.gid_mappings.empty();
    if (user == nullptr && mapped)
        return broken(config.uid_mappings.empty() ? "/linux/gidMappings" : "/linux/uidMappings",
                      "needs a user namespace");
    if (user != nullptr && user->path.empty()) {
        if (config.uid_mappings.empty())
            return broken("/linux/uidMappings", "is required for a new user namespace");
        if (config.gid_mappings.empty())
            return broken("/linux/gidMappings", "is required for a new user namespace");
    }
    TRY(check_mappings(config.uid_mappings, "/linux/uidMappings"));
    return check_mappings(config.gid_mappings, "/linux/gidMappings");
}

Result<> check_time_offsets(const Spec& spec) {
    for (const auto& [clock, offset] : spec.linux_config.time_offsets) {
        const auto pointer = "/linux/timeOffsets/" + clock;
        if (clock != "monotonic" && clock != "boottime")
            return broken("/linux/timeOffsets",
                          std::format("{} is not a clock with an offset", xctl::quoted(clock)));
        const auto* time = find_namespace(spec, NamespaceType::time);
        if (time == nullptr || !time->path.empty()) return broken(pointer, "needs a new time namespace");
        if (offset.nanosecs >= kNanosecondsPerSecond)
            return broken(pointer + "/nanosecs", "must be below 1000000000");
    }
    return {};
}

Result<> check_device(const Device& device, const std::string& pointer) {
    TRY(check_absolute(device.path, pointer + "/path"));
    if (device.type != "c" && device.type != "b" && device.type != "u" && device.type != "p")
        return broken(pointer + "/type", "must be one of \"c\", \"b\", \"u\", \"p\"");
    // Engines hand on what stat(2) says, with the type.
    if ((device.file_mode.value_or(0) & ~(kMaxFileMode | S_IFMT)) != 0)
        return broken(pointer + "/fileMode", "must be the mode of a file, at most 65535 (0177777)");
    if (device.type == "p") return {};
    if (!device.major || *device.major < 0 || *device.major > kMaxMajor)
        return broken(pointer + "/major", std::format("must be a whole number from 0 to {}", kMaxMajor));
    if (!device.minor || *device.minor < 0 || *device.minor > kMaxMinor)
        return broken(pointer + "/minor", std::format("must be a whole number from 0 to {}", kMaxMinor));
    return {};
}

Result<> check_paths(const std::vector<std::string>& paths, std::string_view pointer) {
    for (std::size_t i = 0; i < paths.size(); ++i) TRY(check_absolute(paths[i], std::format("{}/{}", pointer, i)));
    return {};
}

bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxInterfaceName && name != "." && name != ".." &&
           name.find_first_of("/: \t\n") == std::string_view::npos;
}

Result<> check_net_devices(const Spec& spec) {
    for (const auto& [host_name, device] : spec.linux_config.net_devices) {
        if (!is_interface_name(host_name) || (!device.name.empty() && !is_interface_name(device.name)))
            return broken("/linux/netDevices",
                          std::format("{} is not the name of an interface", xctl::quoted(host_name)));
        if (find_namespace(spec, NamespaceType::network) == nullptr)
            return broken("/linux/netDevices", "needs a network namespace");
    }
    return {};
}

/// Each part of it becomes the name of a directory or a line of a file.
Result<> check_rdt(const IntelRdt& rdt) {
    const auto& name = rdt.clos_id;
    if (name == "." || name == ".." || (name != "/" && name.find_first_of("/\n") != std::string::npos))
        return broken("/linux/intelRdt/closID", "must be the name of a directory");
    for (std::size_t i = 0; i < rdt.schemata.size(); ++i)
        if (rdt.schemata[i].empty() || rdt.schemata[i].contains('\n'))
            return broken(std::format("/linux/intelRdt/schemata/{}", i), "must be one line");
    return {};
}

Result<> check_memory_policy(const MemoryPolicy& policy) {
    if (find_row(kMemoryPolicyModeNames, policy.mode) == nullptr)
        return broken("/linux/memoryPolicy/mode", "is not a memory policy");
    for (std::size_t i = 0; i < policy.flags.size(); ++i)
        if (find_row(kMemoryPolicyFlagNames, policy.flags[i]) == nullptr)
            return broken(std::format("/linux/memoryPolicy/flags/{}", i), "is not a flag of a memory policy");
    if (!parse_id_list(policy.nodes)) return broken("/linux/memoryPolicy/nodes", "must be a list like 0-3,5");
    return {};
}

Result<> check_personality(const Personality& personality) {
    if (find_row(kPersonalityNames, personality.domain) == nullptr)
        return broken("/linux/personality/domain", "must be one of \"LINUX\", \"LINUX32\"");
    // The specification has the property, and no flag.
    if (!personality.flags.empty()) return broken("/linux/personality/flags", "must be empty: there are no flags");
    return {};
}

}  // namespace

std::string sysctl_file(std::string_view name) {
    std::string file(name);
    const auto separator = file.find_first_of("./");
    if (separator == std::string::npos || file[separator] == '/') return file;
    for (char& c : file) c = c == '.' ? '/' : c == '/' ? '.' : c;
    return file;
}

Result<> check_mappings(const std::vector<IdMapping>& mappings, std::string_view pointer) {
    if (mappings.size() > kMaxMappings)
        return broken(pointer, std::format("must not have more than {} entries", kMaxMappings));
    const auto overlap = [](std::uint64_t a, std::uint64_t b, std::uint64_t size_a, std::uint64_t size_b) {
        return a < b + size_b && b < a + size_a;
    };
    for (std::size_t i = 0; i < mappings.size(); ++i) {
        const auto& line = mappings[i];
        const auto here = std::format("{}/{}", pointer, i);
        if (line.size == 0) return broken(here + "/size", "must be above zero");
        constexpr auto kLast = std::numeric_limits<std::uint32_t>::max();
        if (line.size > kLast - line.container_id || line.size > kLast - line.host_id)
            return broken(here + "/size", "runs past the last id");
        for (std::size_t j = 0; j < i; ++j) {
            const auto& other = mappings[j];
            if (overlap(line.container_id, other.container_id, line.size, other.size) ||
                overlap(line.host_id, other.host_id, line.size, other.size))
                return broken(here, std::format("overlaps {}/{}", pointer, j));
        }
    }
    return {};
}

Result<> check_sysctls(const Spec& spec) {
    for (const auto& [name, value] : spec.linux_config.sysctl) {
        const auto file = sysctl_file(name);
        const auto refused = [&](std::string_view rule) {
            return broken("/linux/sysctl", std::format("{} {}", xctl::quoted(name), rule));
        };
        const auto parts = split(file, '/');
        if (std::ranges::any_of(parts,
                                [](std::string_view part) { return part.empty() || part == "." || part == ".."; }))
            return refused("is not the name of a sysctl");
        if (file == "kernel/hostname") return refused("is set by /hostname");
        const auto* row = find_sysctl(file);
        if (row == nullptr) return refused("is not private to any namespace: it would change the host");
        if (find_namespace(spec, row->needs) == nullptr)
            return refused(std::format("needs a namespace of type {}", name_of(kNamespaceNames, row->needs)));
        if (file == "kernel/domainname" && !spec.domainname.empty() && spec.domainname != value)
            return refused("contradicts /domainname");
    }
    return {};
}

Result<> check_linux(const Spec& spec) {
    const auto& config = spec.linux_config;
    TRY(check_namespaces(config.namespaces));
    TRY(check_user_namespace(spec));
    TRY(check_time_offsets(spec));
    for (std::size_t i = 0; i < config.devices.size(); ++i)
        TRY(check_device(config.devices[i], std::format("/linux/devices/{}", i)));
    TRY(check_net_devices(spec));
    TRY(check_sysctls(spec));
    TRY(check_paths(config.masked_paths, "/linux/maskedPaths"));
    TRY(check_paths(config.readonly_paths, "/linux/readonlyPaths"));
    if (config.intel_rdt) TRY(check_rdt(*config.intel_rdt));
    if (config.memory_policy) TRY(check_memory_policy(*config.memory_policy));
    if (config.personality) TRY(check_personality(*config.personality));
    if (config.seccomp) TRY(check_seccomp(*config.seccomp));
    return check_resources(config.resources);
}

}  // namespace xctl::oci
