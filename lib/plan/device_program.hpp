// SPDX-License-Identifier: LGPL-2.1-or-later
// Device rules to a BPF_PROG_TYPE_CGROUP_DEVICE program.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace xctl::plan {

enum class DeviceKind : std::uint8_t { any, character, block };

/// Bits as in the kernel's BPF_DEVCG_ACC_*.
inline constexpr std::uint32_t kAccessMknod = 1;
inline constexpr std::uint32_t kAccessRead = 2;
inline constexpr std::uint32_t kAccessWrite = 4;
inline constexpr std::uint32_t kAccessAll = kAccessMknod | kAccessRead | kAccessWrite;

struct DeviceRule {
    bool allow = false;
    DeviceKind kind = DeviceKind::any;
    std::optional<std::uint32_t> major, minor;  // absent: every number
    std::uint32_t access = kAccessAll;
};

/// Images of struct bpf_insn. For each kind of access the last rule that names it and the device decides; an
/// access is granted when all its kinds are. What no rule matches is denied.
[[nodiscard]] std::vector<std::uint64_t> compile_device_program(const std::vector<DeviceRule>& rules);

}  // namespace xctl::plan
