// SPDX-License-Identifier: LGPL-2.1-or-later
// Text of unknown origin as messages carry it and as terminals show it: UTF-8 as in RFC 3629, control codes as in
// ISO/IEC 6429, bidirectional formatting as in Unicode Standard Annex #9.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace xctl {

enum class CharacterKind : unsigned char {
    plain,
    control,  // a terminal acts on it: C0, DEL, C1, bidirectional formatting, the separators U+2028 and U+2029
    invalid,  // no UTF-8, or a noncharacter such as U+FFFE, which libsystemd takes for invalid in JSON and on D-Bus
};

struct Character {
    CharacterKind kind = CharacterKind::invalid;
    std::size_t length = 1;  // bytes; of an invalid one that is UTF-8, all of its bytes
    char32_t code = 0;
};

/// The character that a text which is not empty begins with.
[[nodiscard]] Character first_character(std::string_view text);

/// The text with U+FFFD in place of each byte that is not UTF-8, of each noncharacter and of NUL. A JSON string and a
/// D-Bus string can carry the result.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// The text as one line for a terminal: valid_utf8() with '?' in place of control characters and a blank in place of a
/// tab.
[[nodiscard]] std::string printable(std::string_view text);

/// The same of several lines: newlines stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

/// At most `limit` bytes of the text, which is UTF-8: no character is cut, and "..." stands at the end of a text that is
/// cut. `limit` is at least 3.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t limit);

}  // namespace xctl
