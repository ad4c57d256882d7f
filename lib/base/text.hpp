// SPDX-License-Identifier: LGPL-2.1-or-later
// Text to values and back; refuses what it cannot represent.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl {

/// A text within a message: in double quotes, with quotes, control characters and what is not UTF-8 escaped. Of more
/// than 512 bytes it has the beginning and says how many there are: "aaa"... (2000 bytes).
[[nodiscard]] std::string quoted(std::string_view text);

/// The same however long the text is.
[[nodiscard]] std::string quoted_whole(std::string_view text);

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Decimal, no sign, no blanks.
Result<std::uint64_t> parse_unsigned(std::string_view text);

/// Bytes: a decimal number with an optional suffix K, M, G or T of 1024.
Result<std::uint64_t> parse_size(std::string_view text);

/// A time span of at most a hundred years as systemd.time(7) has them: "90s", "1min 30s", "1.5h", "2d". A number alone
/// is of seconds.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "3s", "1min 20s", "2h 5min": at most two units, for people.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

/// RFC 3339 in UTC with milliseconds.
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point time);
/// The same in local time with its offset from UTC, for people.
[[nodiscard]] std::string format_local_time(std::chrono::system_clock::time_point time);

}  // namespace xctl
