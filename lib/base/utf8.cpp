// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/utf8.hpp"

#include <algorithm>
#include <array>

namespace xctl {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::string_view kCut = "...";

struct Range {
    char32_t first, last;
};

constexpr std::array<Range, 7> kControls{{
    {0x00, 0x1f},      // C0
    {0x7f, 0x9f},      // DEL, C1
    {0x61c, 0x61c},    // ARABIC LETTER MARK
    {0x200e, 0x200f},  // marks of direction
    {0x2028, 0x2029},  // separators of lines and paragraphs
    {0x202a, 0x202e},  // embeddings and overrides
    {0x2066, 0x2069},  // isolates
}};

bool is_control(char32_t code) {
    return std::ranges::any_of(kControls, [&](const Range& r) { return code >= r.first && code <= r.last; });
}

bool is_noncharacter(char32_t code) { return (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe; }

/// The number of bytes of a character that begins with this one; 0 if none does.
std::size_t length_by_first(unsigned char first) {
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

/// What decides about the text of a message.
bool fits_message(const Character& character) {
    return character.kind != CharacterKind::invalid && character.code != 0;
}

std::string with_replacements(std::string_view text, auto&& replacement_of) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto character = first_character(text);
        const auto bytes = text.substr(0, character.length);
        out += replacement_of(character, bytes);
        text.remove_prefix(character.length);
    }
    return out;
}

std::string for_terminal(std::string_view text, std::string_view kept) {
    return with_replacements(text, [kept](const Character& character, std::string_view bytes) -> std::string_view {
        if (character.kind == CharacterKind::plain || kept.contains(bytes)) return bytes;
        if (character.kind == CharacterKind::invalid) return kReplacement;
        return bytes == "\t" ? " " : "?";
    });
}

}  // namespace

Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto length = length_by_first(byte(0));
    if (length == 0 || text.size() < length) return {};
    constexpr std::array<unsigned char, 5> kMask{0, 0x7f, 0x1f, 0x0f, 0x07};
    constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
    char32_t code = byte(0) & kMask[length];
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < kLeast[length] || surrogate || code > 0x10ffff) return {};
    if (is_noncharacter(code)) return {CharacterKind::invalid, length, code};
    return {is_control(code) ? CharacterKind::control : CharacterKind::plain, length, code};
}

std::string valid_utf8(std::string_view text) {
    return with_replacements(text, [](const Character& character, std::string_view bytes) {
        return fits_message(character) ? bytes : kReplacement;
    });
}

std::string printable(std::string_view text) { return for_terminal(text, {}); }

std::string printable_lines(std::string_view text) { return for_terminal(text, "\n"); }

std::string shortened(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    auto end = limit - kCut.size();
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return std::string(text.substr(0, end)) + std::string(kCut);
}

}  // namespace xctl
