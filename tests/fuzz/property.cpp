// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as the value of an annotation `org.systemd.property.NAME`, as a list of CPUs and as the text of a limit:
// they are refused, or the value that was read reads as the same from the text that GVariant has for it. A quota is
// never less than what was asked for because of an overflow, and a time in seconds is the same in microseconds.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <format>
#include <string>
#include <string_view>

#include "runtime/xrun/cgroup/unit_property.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl::runtime;
using xctl::fuzz::expect, xctl::fuzz::expect_message;

std::string text_of(const std::string& value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(std::uint8_t value) { return std::format("byte {}", value); }
std::string text_of(std::int16_t value) { return std::format("int16 {}", value); }
std::string text_of(std::uint16_t value) { return std::format("uint16 {}", value); }
std::string text_of(std::int32_t value) { return std::format("{}", value); }
std::string text_of(std::uint32_t value) { return std::format("@u {}", value); }
std::string text_of(std::int64_t value) { return std::format("int64 {}", value); }
std::string text_of(std::uint64_t value) { return std::format("uint64 {}", value); }
std::string text_of(double value) { return std::format("double {}", value); }

template <class T>
std::string text_of(const std::vector<T>& values) {
    std::string out;
    for (const auto& value : values) out += (out.empty() ? "[" : ", ") + text_of(value);
    return out.empty() ? "@as []" : out + "]";
}

bool is_nan(const PropertyValue& value) {
    const auto* number = std::get_if<double>(&value);
    return number != nullptr && std::isnan(*number);
}

void try_value(std::string_view text) {
    const auto value = parse_property_value(text);
    if (!value) return expect_message(value.error().message);
    const auto again = parse_property_value(std::visit([](const auto& known) { return text_of(known); }, *value));
    expect(again && (*again == *value || is_nan(*value)));
}

void try_annotation(const std::string& text) {
    const auto properties = annotated_properties({{"org.systemd.property.TimeoutStopSec", text}});
    if (!properties) return expect_message(properties.error().message);
    const auto microseconds = std::get<std::uint64_t>(properties->at(0).value);
    const auto seconds = std::visit(
        [](const auto& known) {
            if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(known)>>) return static_cast<double>(known);
            return -1.0;
        },
        parse_property_value(text).value());
    // As many digits as a floating point number has.
    expect(std::fabs(static_cast<double>(microseconds) - seconds * 1e6) <= 1 + seconds * 1e-6);
}

void try_cpus(std::string_view text) {
    const auto mask = parse_cpu_mask(text);
    expect(!mask || (!mask->empty() && mask->size() <= 1024 && mask->back() != 0));
}

/// "QUOTA PERIOD" as numbers, if that is what it is.
void try_quota(const std::string& text) {
    xctl::plan::Cgroup limits;
    limits.files = {{"cpu.max", text, "", {}}};
    const auto properties = limit_properties(limits);
    if (properties.size() != 2 || text.starts_with("max")) return;
    const auto per_second = std::get<std::uint64_t>(properties[0].value);
    const auto period = std::get<std::uint64_t>(properties[1].value);
    const auto quota = static_cast<long double>(std::stoull(text));
    const auto exact = quota * 1'000'000 / static_cast<long double>(period);
    expect(static_cast<long double>(per_second) + 1 >= std::min(exact, 18446744073709551615.0L));
}

void try_limits(const std::string& text) {
    for (const char* file : {"memory.max", "pids.max", "cpu.weight", "cpu.idle", "cpuset.cpus", "io.weight"}) {
        xctl::plan::Cgroup limits;
        limits.files = {{file, text, "", {}}};
        (void)limit_properties(limits);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    try_value(text);
    try_annotation(text);
    try_cpus(text);
    try_quota(text);
    try_limits(text);
    return 0;
}
