// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernel counts in a cgroup: cgroups(7), psi(7). A file that is missing, with its controller, reads as empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/fd.hpp"

namespace xctl::kernel {

using Counters = std::vector<std::pair<std::string, std::uint64_t>>;  // in the kernel's order

/// "max" is the largest number there is.
[[nodiscard]] std::optional<std::uint64_t> read_number(CgroupFd cgroup, const char* file);

/// Lines "key value".
[[nodiscard]] Counters parse_counters(std::string_view text);
[[nodiscard]] Counters read_counters(CgroupFd cgroup, const char* file);
[[nodiscard]] std::optional<std::uint64_t> find_counter(const Counters&, std::string_view key);
/// 0 for one that is not there.
[[nodiscard]] std::uint64_t counter(const Counters& counters, std::string_view key);

struct DeviceCounters {
    std::uint64_t major = 0, minor = 0;
    Counters counters;
};

/// io.stat: lines "MAJOR:MINOR key=value..."
[[nodiscard]] std::vector<DeviceCounters> parse_device_counters(std::string_view text);
[[nodiscard]] std::vector<DeviceCounters> read_device_counters(CgroupFd cgroup);

struct PressureLine {
    double avg10 = 0, avg60 = 0, avg300 = 0;  // percent
    std::uint64_t total = 0;                  // microseconds
};

struct Pressure {
    std::optional<PressureLine> some, full;
};

/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and "full".
[[nodiscard]] Pressure parse_pressure(std::string_view text);
[[nodiscard]] Pressure read_pressure(CgroupFd cgroup, const char* file);

}  // namespace xctl::kernel
