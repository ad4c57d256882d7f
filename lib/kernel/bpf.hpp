// SPDX-License-Identifier: LGPL-2.1-or-later
// Device access programs of a cgroup: bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE.
#pragma once

#include <cstdint>
#include <span>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel {

/// `instructions` are struct bpf_insn images.
Result<UniqueFd> load_device_program(std::span<const std::uint64_t> instructions);

/// Makes `program` the only device program attached to the cgroup itself. An attached one is replaced in one
/// step, so that no access is ever decided by neither or both.
Result<> set_device_program(CgroupFd cgroup, int program);

}  // namespace xctl::kernel
