// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/time_text.hpp"

#include <array>
#include <ctime>
#include <format>
#include <optional>
#include <string>

#include "lib/base/text.hpp"

namespace xctl {
namespace {

using std::chrono::microseconds;
using Time = std::chrono::system_clock::time_point;

constexpr std::array kForms{"%Y-%m-%d%n%H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d%n%H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
constexpr std::array kTimesOfDay{"%H:%M:%S", "%H:%M"};

Time from_local(std::tm parts) {
    parts.tm_isdst = -1;
    return std::chrono::system_clock::from_time_t(::mktime(&parts));
}

/// The local date of a time, at midnight.
std::tm midnight_of(Time time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    (void)::localtime_r(&seconds, &parts);
    parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
    return parts;
}

/// Takes ".5" off the front, as microseconds.
microseconds take_fraction(std::string_view& rest) {
    std::int64_t usec = 0;
    if (!rest.starts_with('.')) return microseconds(0);
    rest.remove_prefix(1);
    for (std::int64_t unit = 100'000; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; unit /= 10) {
        usec += (rest.front() - '0') * unit;
        rest.remove_prefix(1);
    }
    return microseconds(usec);
}

/// Seconds east of UTC; nothing if it is neither "Z", " UTC" nor like "+01:00".
std::optional<std::time_t> parse_zone(std::string_view zone) {
    if (zone == "Z" || zone == " UTC") return 0;
    if (zone.size() != 6 || zone[3] != ':' || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
    const auto hours = parse_unsigned(zone.substr(1, 2));
    const auto minutes = parse_unsigned(zone.substr(4, 2));
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const auto seconds = static_cast<std::time_t>(*hours * 3600 + *minutes * 60);
    return zone[0] == '-' ? -seconds : seconds;
}

std::optional<Time> parse_date(const std::string& text) {
    for (const auto* form : kForms) {
        std::tm parts{};
        const char* end = ::strptime(text.c_str(), form, &parts);
        if (end == nullptr) continue;
        std::string_view rest(end);
        const auto fraction = take_fraction(rest);
        if (rest.empty()) return from_local(parts) + fraction;
        if (const auto east = parse_zone(rest))
            return std::chrono::system_clock::from_time_t(::timegm(&parts) - *east) + fraction;
    }
    return std::nullopt;
}

std::optional<Time> parse_time_of_day(const std::string& text, Time now) {
    for (const auto* form : kTimesOfDay) {
        auto parts = midnight_of(now);
        const char* end = ::strptime(text.c_str(), form, &parts);
        if (end != nullptr && *end == 0) return from_local(parts);
    }
    return std::nullopt;
}

std::optional<Time> parse_day(std::string_view text, Time now) {
    if (text == "now") return now;
    auto parts = midnight_of(now);
    if (text == "yesterday")
        --parts.tm_mday;
    else if (text != "today")
        return std::nullopt;
    return from_local(parts);
}

/// "5min", "-5min" and "5min ago" are the same. A number alone may be meant as a date or as seconds since 1970.
std::optional<Time> parse_ago(std::string_view text, Time now) {
    constexpr std::string_view kAgo = " ago";
    if (text.starts_with('-'))
        text.remove_prefix(1);
    else if (text.ends_with(kAgo))
        text.remove_suffix(kAgo.size());
    if (parse_unsigned(text)) return std::nullopt;
    const auto span = parse_duration(text);
    return span ? std::optional(now - *span) : std::nullopt;
}

std::optional<Time> parse_epoch(std::string_view text) {
    if (!text.starts_with('@')) return std::nullopt;
    const auto seconds = parse_unsigned(text.substr(1));
    if (!seconds || *seconds >= 1ULL << 33) return std::nullopt;
    return std::chrono::system_clock::from_time_t(static_cast<std::time_t>(*seconds));
}

}  // namespace

Result<Time> parse_time(std::string_view text, Time now) {
    auto time = parse_day(text, now);
    if (!time) time = parse_epoch(text);
    if (!time) time = parse_ago(text, now);
    if (!time) time = parse_time_of_day(std::string(text), now);
    if (!time) time = parse_date(std::string(text));
    if (time && time->time_since_epoch().count() >= 0) return *time;
    return fail(Errc::invalid_argument,
                std::format("{} is not a time; write for example 2026-11-30 12:00, 12:00, yesterday, 5min or @1796040000",
                            quoted(text)));
}

}  // namespace xctl
