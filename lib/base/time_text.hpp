// SPDX-License-Identifier: LGPL-2.1-or-later
// Points in time as people write them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "lib/base/result.hpp"

namespace xctl {

/// Much of what systemd.time(7) takes: a date with an optional time ("2026-01-31", "2026-01-31 12:00",
/// "2026-01-31T12:00:00.5Z"), a time of today ("12:00"), "now", "today", "yesterday", "@" and seconds since 1970, or a
/// time span with a unit that is as long ago ("5min", "-5min", "5min ago"). Without "Z", "UTC" or an offset like +01:00 a
/// time is local.
Result<std::chrono::system_clock::time_point> parse_time(std::string_view text,
                                                         std::chrono::system_clock::time_point now);

/// Microseconds since 1970, as times are on the wire.
[[nodiscard]] inline std::uint64_t to_usec(std::chrono::system_clock::time_point time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
}

/// The point in time again. One that std::chrono cannot hold is the last that it can, in the year 2262.
[[nodiscard]] inline std::chrono::system_clock::time_point from_usec(std::uint64_t usec) {
    using Time = std::chrono::system_clock::time_point;
    const auto last = std::chrono::duration_cast<std::chrono::microseconds>(Time::duration::max()).count();
    const auto known = std::min(usec, static_cast<std::uint64_t>(last));
    return Time(std::chrono::microseconds(static_cast<std::int64_t>(known)));
}

}  // namespace xctl
