// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/cgroup_stats.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::kernel {
namespace {

std::optional<std::uint64_t> to_number(std::string_view text) {
    if (text == "max") return UINT64_MAX;
    const auto number = parse_unsigned(text);
    return number ? std::optional(*number) : std::nullopt;
}

std::string read_text(CgroupFd cgroup, const char* file) {
    auto text = read_file_at(directory_of(cgroup), file);
    return text ? std::move(*text) : std::string();
}

/// "key=value" behind the first word.
template <class Take>
void for_each_pair(const std::vector<std::string>& words, Take&& take) {
    for (std::size_t i = 1; i < words.size(); ++i)
        if (const auto equals = words[i].find('='); equals != std::string::npos)
            take(std::string_view(words[i]).substr(0, equals), std::string_view(words[i]).substr(equals + 1));
}

PressureLine parse_line(const std::vector<std::string>& words) {
    PressureLine line;
    for_each_pair(words, [&](std::string_view key, std::string_view value) {
        double number = 0;
        // from_chars() reads infinity and "nan" as well, which no JSON can hold.
        if (std::from_chars(value.data(), value.data() + value.size(), number).ec != std::errc()) return;
        if (!std::isfinite(number) || number < 0) return;
        if (key == "avg10") line.avg10 = number;
        if (key == "avg60") line.avg60 = number;
        if (key == "avg300") line.avg300 = number;
        if (key == "total") line.total = to_number(value).value_or(0);
    });
    return line;
}

}  // namespace

std::optional<std::uint64_t> read_number(CgroupFd cgroup, const char* file) {
    const auto text = read_text(cgroup, file);
    return to_number(std::string_view(text).substr(0, text.find('\n')));
}

Counters parse_counters(std::string_view text) {
    Counters out;
    for (const auto& line : split(text, '\n')) {
        const auto blank = line.find(' ');
        if (blank == std::string::npos) continue;
        if (const auto number = to_number(std::string_view(line).substr(blank + 1)))
            out.emplace_back(line.substr(0, blank), *number);
    }
    return out;
}

Counters read_counters(CgroupFd cgroup, const char* file) { return parse_counters(read_text(cgroup, file)); }

std::optional<std::uint64_t> find_counter(const Counters& counters, std::string_view key) {
    const auto found = std::ranges::find(counters, key, &Counters::value_type::first);
    return found != counters.end() ? std::optional(found->second) : std::nullopt;
}

std::uint64_t counter(const Counters& counters, std::string_view key) {
    return find_counter(counters, key).value_or(0);
}

std::vector<DeviceCounters> parse_device_counters(std::string_view text) {
    std::vector<DeviceCounters> out;
    for (const auto& line : split(text, '\n')) {
        const auto words = split(line, ' ');
        const auto colon = words[0].find(':');
        if (colon == std::string::npos) continue;
        const auto major = parse_unsigned(std::string_view(words[0]).substr(0, colon));
        const auto minor = parse_unsigned(std::string_view(words[0]).substr(colon + 1));
        if (!major || !minor) continue;
        auto& device = out.emplace_back(*major, *minor);
        for_each_pair(words, [&](std::string_view key, std::string_view value) {
            device.counters.emplace_back(key, to_number(value).value_or(0));
        });
    }
    return out;
}

std::vector<DeviceCounters> read_device_counters(CgroupFd cgroup) {
    return parse_device_counters(read_text(cgroup, "io.stat"));
}

Pressure parse_pressure(std::string_view text) {
    Pressure out;
    for (const auto& line : split(text, '\n')) {
        const auto words = split(line, ' ');
        if (words[0] == "some") out.some = parse_line(words);
        if (words[0] == "full") out.full = parse_line(words);
    }
    return out;
}

Pressure read_pressure(CgroupFd cgroup, const char* file) { return parse_pressure(read_text(cgroup, file)); }

}  // namespace xctl::kernel
