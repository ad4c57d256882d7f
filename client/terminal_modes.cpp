// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/terminal_modes.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "lib/base/text.hpp"

namespace xctl::client {
namespace {

using Kind = EscapeScanner::Kind;

constexpr std::array<TerminalMode, 26> kModes{{
    {.number = 1},                      // cursor keys send other codes
    {.number = 5},                      // reverse video
    {.number = 6},                      // the cursor is placed within the scroll region
    {.number = 7, .usual = true},       // lines wrap
    {.number = 9, .reports = true},     // mouse
    {.number = 25, .usual = true},      // the cursor is seen
    {.number = 47, .screen = true},
    {.number = 66},                     // keypad
    {.number = 1000, .reports = true},  // mouse, from here to 1003
    {.number = 1001, .reports = true},
    {.number = 1002, .reports = true},
    {.number = 1003, .reports = true},
    {.number = 1004, .reports = true},  // focus
    {.number = 1005},                   // how the mouse is reported, with 1006, 1015 and 1016
    {.number = 1006},
    {.number = 1007},                   // the wheel sends cursor keys on the other screen
    {.number = 1015},
    {.number = 1016},
    {.number = 1047, .screen = true},
    {.number = 1049, .screen = true},
    {.number = 2004},                   // what is pasted is marked
    {.number = 2026},                   // nothing is drawn until the end of an update
    {.number = 2027},                   // grapheme clusters
    {.number = 2031, .reports = true},  // changes of colours
    {.number = 2048, .reports = true},  // changes of size
    {.number = 9001, .reports = true},  // keys as Windows reports them
}};

constexpr unsigned kCursorKeys = 1, kCursorSeen = 25;
constexpr unsigned kMostKeyboards = 99;
constexpr std::string_view kOtherKeys = "4";

bool is_zero(std::string_view text) { return text.find_first_not_of("0;") == std::string_view::npos; }

}  // namespace

const TerminalMode* find_mode(unsigned number) {
    const auto found = std::ranges::find(kModes, number, &TerminalMode::number);
    return found == kModes.end() ? nullptr : &*found;
}

std::vector<unsigned> numbers_of(std::string_view parameters) {
    std::vector<unsigned> out;
    for (const auto& word : split(parameters, ';'))
        if (const auto number = parse_unsigned(word); number && *number <= 65535)
            out.push_back(static_cast<unsigned>(*number));
    return out;
}

void TerminalModes::note(const EscapeScanner::Piece& piece) {
    switch (piece.kind) {
        case Kind::control:
            if (piece.final != EscapeScanner::kEnquiry) shifted_ = piece.final == EscapeScanner::kShiftOut;
            return;
        case Kind::escape: return note_escape(piece);
        case Kind::csi: return note_csi(piece);
        case Kind::text:
        case Kind::string:
        case Kind::broken: return;
    }
}

void TerminalModes::note_escape(const EscapeScanner::Piece& piece) {
    if (piece.intermediates == "(") charset_ = piece.final;
    if (!piece.intermediates.empty()) return;
    if (piece.final == '=' || piece.final == '>') keypad_ = piece.final == '=';
    if (piece.final == 'c') *this = {};
}

void TerminalModes::note_csi(const EscapeScanner::Piece& piece) {
    const bool plain = piece.intermediates.empty();
    const auto numbers = numbers_of(piece.parameters);
    const unsigned first = numbers.empty() ? 0 : numbers.front();
    const bool set = piece.final == 'h';
    if (piece.prefix == '?' && plain && (set || piece.final == 'l')) return note_private(piece);
    if (piece.prefix == '>' && plain && piece.final == 'm')
        other_keys_ = first == 4 ? numbers.size() > 1 && numbers[1] > 0 : other_keys_ && !numbers.empty();
    if (piece.prefix == '>' && plain && piece.final == 'u') keyboards_ = std::min(keyboards_ + 1, kMostKeyboards);
    if (piece.prefix == '<' && plain && piece.final == 'u') keyboards_ -= std::min(keyboards_, std::max(first, 1U));
    if (piece.prefix != 0) return;
    if (piece.intermediates == " " && piece.final == 'q') cursor_style_ = first != 0;
    if (!plain) return;
    if (piece.final == 'm') attributes_ = !is_zero(piece.parameters);
    if (piece.final == 'r') region_ = !is_zero(piece.parameters);
    for (const auto number : numbers) {
        if ((set || piece.final == 'l') && number == 4) inserts_ = set;
        if ((set || piece.final == 'l') && number == 20) newlines_ = set;
    }
}

void TerminalModes::note_private(const EscapeScanner::Piece& piece) {
    for (const auto number : numbers_of(piece.parameters)) {
        const auto* const mode = find_mode(number);
        if (mode == nullptr) continue;
        std::erase(changed_, number);
        if ((piece.final == 'h') != mode->usual) changed_.push_back(number);
    }
}

bool TerminalModes::is_changed(unsigned number) const { return std::ranges::contains(changed_, number); }

bool TerminalModes::is_full_screen() const {
    const auto takes_screen = [](unsigned number) { return find_mode(number)->screen || find_mode(number)->reports; };
    return keypad_ || region_ || is_changed(kCursorKeys) || is_changed(kCursorSeen) ||
           std::ranges::any_of(changed_, takes_screen);
}

std::string TerminalModes::set_reports() const {
    std::string out;
    for (const auto number : changed_)
        if (find_mode(number)->reports) out += std::format("\x1b[?{}h", number);
    return out;
}

/// The other screen last of the modes: what comes after is for the one that stays.
std::string TerminalModes::undo() const {
    std::string out, screens;
    for (const auto number : changed_) {
        const auto& mode = *find_mode(number);
        (mode.screen ? screens : out) += std::format("\x1b[?{}{}", number, mode.usual ? 'h' : 'l');
    }
    if (keypad_) out += "\x1b>";
    if (inserts_) out += "\x1b[4l";
    if (newlines_) out += "\x1b[20l";
    if (keyboards_ > 0) out += std::format("\x1b[<{}u", keyboards_);
    if (other_keys_) out += std::format("\x1b[>{}m", kOtherKeys);
    if (cursor_style_) out += "\x1b[0 q";
    out += screens;
    if (shifted_) out += "\x0f";
    if (charset_ != 'B') out += "\x1b(B";
    if (attributes_) out += "\x1b[0m";
    // Resetting the scroll region moves the cursor, which is saved meanwhile.
    if (region_) out += "\x1b" "7\x1b[r\x1b" "8";
    return out;
}

}  // namespace xctl::client
