// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/text.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <format>
#include <limits>
#include <optional>

#include "lib/base/table.hpp"
#include "lib/base/utf8.hpp"

namespace xctl {
namespace {

using Millis = std::chrono::milliseconds;

constexpr std::size_t kMaxQuoted = 512;  // bytes

constexpr std::array<Named<std::uint64_t>, 5> kSizeSuffixes{{
    {"", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40},
}};

/// The units of systemd.time(7), in milliseconds.
constexpr std::array<Named<std::uint64_t>, 19> kTimeUnits{{
    {"ms", 1}, {"msec", 1},
    {"s", 1000}, {"sec", 1000}, {"second", 1000}, {"seconds", 1000},
    {"m", 60'000}, {"min", 60'000}, {"minute", 60'000}, {"minutes", 60'000},
    {"h", 3'600'000}, {"hr", 3'600'000}, {"hour", 3'600'000}, {"hours", 3'600'000},
    {"d", 86'400'000}, {"day", 86'400'000}, {"days", 86'400'000},
    {"w", 604'800'000}, {"weeks", 604'800'000},
}};

/// A century: every sum of durations fits.
constexpr std::uint64_t kLongest = 100ULL * 366 * 86'400'000;

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

/// Takes "1.5 h" off the front, in milliseconds. A unit must be there, unless the number is all that there is.
std::optional<std::uint64_t> take_time_span(std::string_view& text, bool is_first) {
    std::uint64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (error != std::errc() || whole > kLongest) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::uint64_t thousandths = 0;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
        if (digits == 0) return std::nullopt;
        for (std::size_t i = 0; i < 3; ++i)
            thousandths = thousandths * 10 + (i < digits ? static_cast<std::uint64_t>(text[i] - '0') : 0);
        text.remove_prefix(digits);
    }
    skip_blanks(text);
    const auto letters = std::min(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), text.size());
    const bool is_bare = letters == 0 && is_first && text.empty();
    const auto unit = is_bare ? std::optional<std::uint64_t>(1000) : value_of(kTimeUnits, text.substr(0, letters));
    if (!unit || whole > kLongest / *unit) return std::nullopt;
    text.remove_prefix(letters);
    return whole * *unit + thousandths * *unit / 1000;
}

/// A number followed by one of the suffixes, multiplied out.
template <class Rows>
Result<std::uint64_t> parse_scaled(std::string_view text, const Rows& suffixes, std::string_view kind) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto digits = static_cast<std::size_t>(end - text.data());
    const auto scale = value_of(suffixes, text.substr(digits));
    if (error != std::errc() || !scale)
        return fail(Errc::invalid_argument, std::format("{} is not a {}", quoted(text), kind));
    if (number > std::numeric_limits<std::int64_t>::max() / *scale)
        return fail(Errc::invalid_argument, std::format("{} is too large", quoted(text)));
    return number * *scale;
}

}  // namespace

std::string quoted(std::string_view text) {
    if (text.size() <= kMaxQuoted) return quoted_whole(text);
    auto beginning = shortened(text, kMaxQuoted);
    beginning.resize(beginning.size() - 3);
    return std::format("{}... ({} bytes)", quoted_whole(beginning), text.size());
}

std::string quoted_whole(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const auto [kind, length, code] = first_character(text);
        if (text.front() == '"' || text.front() == '\\')
            (out += '\\') += text.front();
        else if (kind == CharacterKind::plain)
            out += text.substr(0, length);
        else if (length == 1)
            out += std::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        else if (code <= 0xffff)
            out += std::format("\\u{:04x}", static_cast<std::uint32_t>(code));
        else
            out += std::format("\\U{:08x}", static_cast<std::uint32_t>(code));
        text.remove_prefix(length);
    }
    return out += '"';
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const auto at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += separator;
        out += parts[i];
    }
    return out;
}

Result<std::uint64_t> parse_unsigned(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return fail(Errc::invalid_argument, std::format("{} is not a number", quoted(text)));
    return number;
}

Result<std::uint64_t> parse_size(std::string_view text) { return parse_scaled(text, kSizeSuffixes, "size"); }

Result<Millis> parse_duration(std::string_view text) {
    std::uint64_t sum = 0;
    auto rest = text;
    do {
        const auto span = take_time_span(rest, rest.size() == text.size());
        if (!span || (sum += *span) > kLongest)
            return fail(Errc::invalid_argument,
                        std::format("{} is not a time span; write for example 90s, 1min 30s or 2h", quoted(text)));
        skip_blanks(rest);
    } while (!rest.empty());
    return Millis(static_cast<std::int64_t>(sum));
}

std::string format_duration(Millis duration) {
    const auto seconds = duration.count() / 1000;
    if (seconds < 1) return std::format("{}ms", duration.count());
    if (seconds < 60) return std::format("{}s", seconds);
    if (seconds < 3600) return std::format("{}min {}s", seconds / 60, seconds % 60);
    if (seconds < 86400) return std::format("{}h {}min", seconds / 3600, seconds / 60 % 60);
    return std::format("{}d {}h", seconds / 86400, seconds / 3600 % 24);
}

std::string format_time(std::chrono::system_clock::time_point time) {
    return std::format("{:%FT%T}Z", std::chrono::floor<Millis>(time));
}

std::string format_local_time(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    if (::localtime_r(&seconds, &parts) == nullptr || parts.tm_gmtoff == 0) return format_time(time);
    const auto east = parts.tm_gmtoff / 60;
    return std::format("{:%FT%T}{}{:02}:{:02}", std::chrono::floor<Millis>(time) + std::chrono::minutes(east),
                       east < 0 ? '-' : '+', std::abs(east) / 60, std::abs(east) % 60);
}

}  // namespace xctl
