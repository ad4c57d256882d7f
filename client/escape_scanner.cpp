// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/escape_scanner.hpp"

#include <utility>

namespace xctl::client {
namespace {

constexpr unsigned char kBell = 0x07, kCancel = 0x18, kSubstitute = 0x1a, kEscape = 0x1b, kDelete = 0x7f,
                        kC1Lead = 0xc2, kStringEnd = 0x9c;
constexpr std::string_view kStringBegins = "P]X^_";
/// The Linux console's palette: ] P and seven digits, without a terminator.
constexpr std::size_t kPaletteSize = 8;

bool is_c1(unsigned char c) { return c >= 0x80 && c <= 0x9f; }
bool is_single_control(unsigned char c) {
    return c == EscapeScanner::kEnquiry || c == EscapeScanner::kShiftOut || c == EscapeScanner::kShiftIn;
}

unsigned missing_after(unsigned char lead) {
    if (lead < 0xc2 || lead > 0xf4) return 0;
    return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

}  // namespace

void EscapeScanner::feed(std::string_view bytes, const Visit& visit) {
    while (!bytes.empty()) {
        if (state_ == State::ground) bytes.remove_prefix(take_text(bytes, visit));
        if (bytes.empty()) return;
        take(static_cast<unsigned char>(bytes.front()), visit);
        bytes.remove_prefix(1);
    }
}

bool EscapeScanner::continues_character(unsigned char c) {
    if (missing_ > 0 && c >= 0x80 && c <= 0xbf) return --missing_, true;
    missing_ = missing_after(c);
    return false;
}

/// As much as begins no sequence.
std::size_t EscapeScanner::take_text(std::string_view bytes, const Visit& visit) {
    std::size_t size = 0;
    for (; size < bytes.size(); ++size) {
        const auto c = static_cast<unsigned char>(bytes[size]);
        if (c == kEscape || c == kC1Lead || is_single_control(c) || (missing_ == 0 && is_c1(c))) break;
        (void)continues_character(c);
    }
    if (size > 0) visit({.kind = Kind::text, .raw = bytes.substr(0, size)});
    return size;
}

void EscapeScanner::take(unsigned char c, const Visit& visit) {
    const char byte = static_cast<char>(c);
    switch (state_) {
        case State::ground:
            missing_ = 0;
            if (is_single_control(c)) return visit({.kind = Kind::control, .raw = {&byte, 1}, .final = byte});
            if (is_c1(c)) return begin_c1({&byte, 1}, c, visit);
            begin({&byte, 1});
            state_ = c == kC1Lead ? State::half : State::escape;
            return;
        case State::half: {
            const auto lead = std::exchange(raw_, {});
            state_ = State::ground;
            if (is_c1(c)) return begin_c1(lead + byte, c, visit);
            visit({.kind = Kind::text, .raw = lead});
            missing_ = 1;
            return feed({&byte, 1}, visit);
        }
        case State::escape: return take_escape(c, visit);
        case State::csi: return take_csi(c, visit);
        case State::string:
        case State::string_escape: return take_string(c, visit);
    }
}

void EscapeScanner::begin(std::string_view raw) {
    raw_ = raw;
    parameters_.clear();
    intermediates_.clear();
    body_.clear();
    prefix_ = final_ = 0;
    odd_ = too_long_ = false;
    missing_ = 0;
}

/// C1 controls are ESC and a letter in one character.
void EscapeScanner::begin_c1(std::string_view raw, unsigned char c, const Visit& visit) {
    begin(raw);
    begin_by(static_cast<char>(c - 0x40), visit);
}

void EscapeScanner::begin_by(char letter, const Visit& visit) {
    final_ = letter;
    if (letter == '[')
        state_ = State::csi;
    else if (kStringBegins.contains(letter))
        state_ = State::string;
    else
        end(Kind::escape, visit);
}

void EscapeScanner::keep(unsigned char c) {
    if (raw_.size() >= kMaxHeld) too_long_ = true;
    if (!too_long_) raw_ += static_cast<char>(c);
}

void EscapeScanner::end(Kind kind, const Visit& visit) {
    const auto raw = std::exchange(raw_, {});
    const bool broken = std::exchange(too_long_, false) || (odd_ && kind == Kind::csi);
    state_ = State::ground;
    missing_ = 0;
    visit({broken ? Kind::broken : kind, raw, prefix_, parameters_, intermediates_, final_, body_});
}

void EscapeScanner::give_up() {
    begin({});
    state_ = State::ground;
}

/// Within a sequence most of them are carried out at once.
bool EscapeScanner::take_control(unsigned char c, const Visit& visit) {
    if (c >= 0x20 && c != kDelete) return false;
    const char byte = static_cast<char>(c);
    if (c == kCancel || c == kSubstitute) {
        end(Kind::broken, visit);
    } else if (c == kEscape) {
        end(Kind::broken, visit);
        begin({&byte, 1});
        state_ = State::escape;
    } else if (c != kDelete) {
        visit({.kind = is_single_control(c) ? Kind::control : Kind::text, .raw = {&byte, 1}, .final = byte});
    }
    return true;
}

void EscapeScanner::take_escape(unsigned char c, const Visit& visit) {
    if (take_control(c, visit)) return;
    if (c >= 0x80) {
        end(Kind::broken, visit);
        const char byte = static_cast<char>(c);
        return feed({&byte, 1}, visit);
    }
    keep(c);
    if (c < 0x30) {
        intermediates_ += static_cast<char>(c);
        return;
    }
    if (intermediates_.empty()) return begin_by(static_cast<char>(c), visit);
    final_ = static_cast<char>(c);
    end(Kind::escape, visit);
}

void EscapeScanner::take_csi(unsigned char c, const Visit& visit) {
    if (take_control(c, visit)) return;
    const char byte = static_cast<char>(c);
    if (is_c1(c)) {
        end(Kind::broken, visit);
        return begin_c1({&byte, 1}, c, visit);
    }
    keep(c);
    if (c >= 0x80) {
        odd_ = true;
    } else if (c >= 0x40) {
        final_ = byte;
        end(Kind::csi, visit);
    } else if (c < 0x30) {
        intermediates_ += byte;
    } else if (!intermediates_.empty()) {
        odd_ = true;
    } else if (c >= '<') {
        if (prefix_ != 0 || !parameters_.empty()) odd_ = true;
        prefix_ = byte;
    } else {
        parameters_ += byte;
    }
}

void EscapeScanner::take_string(unsigned char c, const Visit& visit) {
    const char byte = static_cast<char>(c);
    if (std::exchange(state_, State::string) == State::string_escape) {
        if (c == '\\') {
            keep(c);
            return end(Kind::string, visit);
        }
        if (!raw_.empty() && !too_long_) raw_.pop_back();
        end(Kind::broken, visit);
        constexpr char kBegin = static_cast<char>(kEscape);
        begin({&kBegin, 1});
        state_ = State::escape;
        return take_escape(c, visit);
    }
    if (c == kEnquiry) return;
    if (c == kCancel || c == kSubstitute) return end(Kind::broken, visit);
    const bool half_c1 = !raw_.empty() && missing_ == 1 && static_cast<unsigned char>(raw_.back()) == kC1Lead;
    const bool inside = continues_character(c) && !(half_c1 && is_c1(c));
    if (!inside && is_c1(c) && c != kStringEnd) {
        end(Kind::broken, visit);
        return begin_c1({&byte, 1}, c, visit);
    }
    keep(c);
    if (c == kEscape)
        state_ = State::string_escape;
    else if ((c == kBell && final_ == ']') || (!inside && c == kStringEnd))
        end(Kind::string, visit);
    else if (!too_long_) {
        body_ += byte;
        const bool palette = body_.front() == 'P' && body_.size() == kPaletteSize;
        if (final_ == ']' && (body_ == "R" || palette)) end(Kind::string, visit);
    }
}

}  // namespace xctl::client
