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

/// Seconds east of UTC; nothing if it is neither "Z" nor like "+01:00".
std::optional<std::time_t> parse_zone(std::string_view zone) {
    if (zone == "Z") return 0;
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
        parts.tm_isdst = -1;
        if (rest.empty()) return std::chrono::system_clock::from_time_t(::mktime(&parts)) + fraction;
        if (const auto east = parse_zone(rest))
            return std::chrono::system_clock::from_time_t(::timegm(&parts) - *east) + fraction;
    }
    return std::nullopt;
}

}  // namespace

Result<Time> parse_time(std::string_view text, Time now) {
    if (text.starts_with('@')) {
        const auto seconds = TRY(parse_unsigned(text.substr(1)));
        if (seconds < 1ULL << 40) return std::chrono::system_clock::from_time_t(static_cast<std::time_t>(seconds));
    } else if (const auto ago = parse_duration(text)) {
        return now - *ago;
    } else if (const auto date = parse_date(std::string(text)); date && date->time_since_epoch().count() >= 0) {
        return *date;
    }
    return fail(Errc::invalid_argument, std::format("{} is not a time", quoted(text)));
}

}  // namespace xctl
