// SPDX-License-Identifier: LGPL-2.1-or-later
// Device programs of cgroups (BPF_PROG_TYPE_CGROUP_DEVICE) that are loaded. One serves all cgroups with the same rules,
// and the kernel takes ten times as long to verify and translate a program as to attach it.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/latest.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::launch {

class DevicePrograms {
public:
    /// A descriptor of the program; ours, until the next call.
    Result<int> load(const std::vector<std::uint64_t>& instructions);

private:
    static constexpr std::size_t kMost = 8;

    Latest<std::vector<std::uint64_t>, UniqueFd, kMost> loaded_;
};

}  // namespace xctl::launch
