// SPDX-License-Identifier: LGPL-2.1-or-later
// Device nodes, the links beside them, and the rules of the device cgroup.
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "lib/plan/compile_parts.hpp"
#include "lib/plan/device_program.hpp"
#include "lib/plan/path.hpp"

namespace xctl::plan {
namespace {

constexpr std::uint32_t kDefaultPermissions = 0666;

struct DefaultDevice {
    std::string_view path;
    std::uint32_t major;
    std::uint32_t minor;
};

/// Every container has them, as the specification demands.
constexpr std::array kDefaultDevices{
    DefaultDevice{"/dev/null", 1, 3},   DefaultDevice{"/dev/zero", 1, 5},    DefaultDevice{"/dev/full", 1, 7},
    DefaultDevice{"/dev/random", 1, 8}, DefaultDevice{"/dev/urandom", 1, 9}, DefaultDevice{"/dev/tty", 5, 0},
};

struct DefaultLink {
    std::string_view path;
    std::string_view target;
};

constexpr std::array kDefaultLinks{
    DefaultLink{"/dev/fd", "/proc/self/fd"},       DefaultLink{"/dev/stdin", "/proc/self/fd/0"},
    DefaultLink{"/dev/stdout", "/proc/self/fd/1"}, DefaultLink{"/dev/stderr", "/proc/self/fd/2"},
    DefaultLink{"/dev/core", "/proc/kcore"},       DefaultLink{"/dev/ptmx", "pts/ptmx"},
};

constexpr std::optional<std::uint32_t> kEvery;

/// Appended to a document's rules, as engines expect: nodes may be made (not opened), the default devices, the
/// console, ptmx and the terminals of devpts may be used.
constexpr std::array kDefaultRules{
    DeviceRule{true, DeviceKind::character, kEvery, kEvery, kAccessMknod},
    DeviceRule{true, DeviceKind::block, kEvery, kEvery, kAccessMknod},
    DeviceRule{true, DeviceKind::character, 1, 3, kAccessAll},
    DeviceRule{true, DeviceKind::character, 1, 5, kAccessAll},
    DeviceRule{true, DeviceKind::character, 1, 7, kAccessAll},
    DeviceRule{true, DeviceKind::character, 1, 8, kAccessAll},
    DeviceRule{true, DeviceKind::character, 1, 9, kAccessAll},
    DeviceRule{true, DeviceKind::character, 5, 0, kAccessAll},
    DeviceRule{true, DeviceKind::character, 5, 1, kAccessAll},
    DeviceRule{true, DeviceKind::character, 5, 2, kAccessAll},
    DeviceRule{true, DeviceKind::character, 136, kEvery, kAccessAll},
};

/// A /dev that is the host's keeps what it has.
bool has_foreign_dev(const std::vector<Mount>& mounts) {
    return std::ranges::any_of(mounts,
                               [](const Mount& m) { return m.kind == MountKind::bind && m.target == "/dev"; });
}

std::uint32_t type_bits(std::string_view type) { return type == "b" ? S_IFBLK : type == "p" ? S_IFIFO : S_IFCHR; }

Device to_device(const oci::Device& source) {
    Device out;
    out.path = normalized("/", source.path);
    constexpr std::uint32_t kPermissions = 07777;
    out.mode = type_bits(source.type) | (source.file_mode.value_or(kDefaultPermissions) & kPermissions);
    if (source.type != "p") {
        out.major = static_cast<std::uint32_t>(source.major.value_or(0));
        out.minor = static_cast<std::uint32_t>(source.minor.value_or(0));
    }
    out.uid = source.uid.value_or(0);
    out.gid = source.gid.value_or(0);
    return out;
}

std::uint32_t to_access(std::string_view letters) {
    if (letters.empty()) return kAccessAll;
    return (letters.contains('m') ? kAccessMknod : 0) | (letters.contains('r') ? kAccessRead : 0) |
           (letters.contains('w') ? kAccessWrite : 0);
}

std::optional<std::uint32_t> to_number(const std::optional<std::int64_t>& number) {
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

DeviceRule to_rule(const oci::DeviceRule& source) {
    const auto kind = source.type == "c"   ? DeviceKind::character
                      : source.type == "b" ? DeviceKind::block
                                           : DeviceKind::any;
    return {source.allow, kind, to_number(source.major), to_number(source.minor), to_access(source.access)};
}

}  // namespace

std::vector<Device> compile_devices(const Context& context, const std::vector<Mount>& mounts) {
    std::vector<Device> own;
    for (const auto& device : context.spec.linux_config.devices) own.push_back(to_device(device));
    std::vector<Device> out;
    for (const auto& row : kDefaultDevices)
        if (!has_foreign_dev(mounts) && !std::ranges::contains(own, row.path, &Device::path))
            out.push_back({std::string(row.path), S_IFCHR | kDefaultPermissions, row.major, row.minor, 0, 0});
    out.insert(out.end(), own.begin(), own.end());
    return out;
}

std::vector<Symlink> compile_links(const std::vector<Mount>& mounts) {
    std::vector<Symlink> out;
    if (has_foreign_dev(mounts)) return out;
    for (const auto& row : kDefaultLinks) out.push_back({std::string(row.path), std::string(row.target)});
    return out;
}

std::vector<std::uint64_t> compile_device_rules(const std::vector<oci::DeviceRule>& rules) {
    if (rules.empty()) return {};
    std::vector<DeviceRule> all;
    for (const auto& rule : rules) all.push_back(to_rule(rule));
    all.insert(all.end(), kDefaultRules.begin(), kDefaultRules.end());
    return compile_device_program(all);
}

}  // namespace xctl::plan
