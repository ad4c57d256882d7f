// SPDX-License-Identifier: LGPL-2.1-or-later
// Points in time as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "lib/base/result.hpp"

namespace xctl {

/// A duration before `now` as parse_duration() reads it, "@" and seconds since 1970, or a date with an optional time:
/// "2026-01-31", "2026-01-31 12:00", "2026-01-31T12:00:00.5Z". Without "Z" or an offset like +01:00 it is local time.
Result<std::chrono::system_clock::time_point> parse_time(std::string_view text,
                                                         std::chrono::system_clock::time_point now);

/// Microseconds since 1970, as times are on the wire.
[[nodiscard]] inline std::uint64_t to_usec(std::chrono::system_clock::time_point time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
}

}  // namespace xctl
