// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/criu/mount_table.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace xctl::runtime {
namespace {

constexpr std::size_t kIdField = 0, kRootField = 3, kPointField = 4, kFirstOptional = 6;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// Blanks, line feeds and backslashes are written as \ooo.
std::string without_escapes(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escaped = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                             is_octal(text[i + 2]) && is_octal(text[i + 3]);
        if (!escaped) {
            out += text[i];
            continue;
        }
        out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
        i += 3;
    }
    return out;
}

}  // namespace

Result<std::vector<MountRow>> parse_mount_table(std::string_view text) {
    std::vector<MountRow> rows;
    for (const auto& line : split(text, '\n')) {
        if (line.empty()) continue;
        const auto fields = split(line, ' ');
        // Any number of optional fields, then a dash and the type.
        const auto dash = fields.size() > kFirstOptional ? std::find(fields.begin() + kFirstOptional, fields.end(), "-")
                                                         : fields.end();
        if (fields.end() - dash < 2) return fail(Errc::system, "mountinfo has a strange line: " + xctl::quoted(line));
        rows.push_back({.id = TRY(parse_unsigned(fields[kIdField]), "mountinfo"),
                        .root = without_escapes(fields[kRootField]),
                        .point = without_escapes(fields[kPointField]),
                        .fstype = *(dash + 1)});
    }
    return rows;
}

Result<> check_criu_path(std::string_view path) {
    const bool plain = std::ranges::none_of(path, [](unsigned char c) { return c < ' ' || c == ']' || c == ':'; });
    if (plain) return {};
    return fail(Errc::unsupported, "CRIU cannot take a path with a bracket, a colon or a control character: " +
                                       xctl::quoted(path));
}

}  // namespace xctl::runtime
