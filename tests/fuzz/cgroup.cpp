// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as files of a cgroup: memory.stat and its like, io.stat, memory.pressure, cgroup.events. Whatever was read
// can be written as such a file again and then reads as the same, so that no key holds a separator; every number of a
// pressure is finite and not negative, and so is a number in JSON.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <string_view>

#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_stats.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect;

void try_counters(std::string_view text) {
    const auto counters = kernel::parse_counters(text);
    std::string written;
    for (const auto& [key, value] : counters) written += std::format("{} {}\n", key, value);
    expect(kernel::parse_counters(written) == counters);
    for (const auto& [key, value] : counters) expect(!key.contains(' ') && !key.contains('\n'));
    if (!counters.empty()) expect(kernel::counter(counters, counters.front().first) == counters.front().second);
}

void try_devices(std::string_view text) {
    const auto devices = kernel::parse_device_counters(text);
    std::string written;
    for (const auto& device : devices) {
        written += std::format("{}:{}", device.major, device.minor);
        for (const auto& [key, value] : device.counters) written += std::format(" {}={}", key, value);
        written += '\n';
    }
    const auto again = kernel::parse_device_counters(written);
    expect(again.size() == devices.size());
    for (std::size_t i = 0; i < again.size(); ++i)
        expect(again[i].major == devices[i].major && again[i].minor == devices[i].minor &&
               again[i].counters == devices[i].counters);
}

void expect_finite(const std::optional<kernel::PressureLine>& line) {
    if (!line) return;
    for (const double number : {line->avg10, line->avg60, line->avg300}) expect(std::isfinite(number) && number >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_counters(text);
    try_devices(text);
    const auto pressure = kernel::parse_pressure(text);
    expect_finite(pressure.some);
    expect_finite(pressure.full);
    const auto events = kernel::parse_cgroup_events(text);
    expect(!events.populated || text.contains("populated 1"));
    expect(!events.frozen || text.contains("frozen 1"));
    return 0;
}
