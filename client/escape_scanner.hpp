// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts what is printed on a terminal into text and control sequences, as ECMA-48 and the terminals that follow it read
// them. The terminal is taken for one with UTF-8. Sequences may come in any number of parts.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace xctl::client {

class EscapeScanner {
public:
    enum class Kind : unsigned char {
        text,
        control,  // final: ENQ, SO or SI
        escape,   // ESC, intermediates, final
        csi,
        string,   // final: P (DCS), ] (OSC), X (SOS), ^ (PM) or _ (APC)
        broken,   // a sequence that was given up; terminals print nothing of it
    };
    struct Piece {
        Kind kind;
        std::string_view raw;
        char prefix = 0;  // CSI: one of < = > ?
        std::string_view parameters{}, intermediates{};
        char final = 0;
        std::string_view body{};  // of a string
    };
    using Visit = std::function<void(const Piece&)>;

    void feed(std::string_view bytes, const Visit& visit);
    /// The part of a sequence that has come so far.
    [[nodiscard]] const std::string& held() const { return raw_; }
    /// A sequence of more than kMaxHeld bytes, which will be broken. What held() has is not all of it.
    [[nodiscard]] bool is_too_long() const { return too_long_; }
    /// Bytes are missing behind the last: what has come of a sequence is given up.
    void give_up();

    static constexpr std::size_t kMaxHeld = 64 * 1024;
    static constexpr char kEnquiry = 0x05, kShiftOut = 0x0e, kShiftIn = 0x0f;

private:
    enum class State : unsigned char { ground, half, escape, csi, string, string_escape };

    std::size_t take_text(std::string_view bytes, const Visit& visit);
    void take(unsigned char c, const Visit& visit);
    bool take_control(unsigned char c, const Visit& visit);
    void take_escape(unsigned char c, const Visit& visit);
    void take_csi(unsigned char c, const Visit& visit);
    void take_string(unsigned char c, const Visit& visit);
    void begin(std::string_view raw);
    void begin_by(char letter, const Visit& visit);
    void begin_c1(std::string_view raw, unsigned char c, const Visit& visit);
    void keep(unsigned char c);
    void end(Kind kind, const Visit& visit);
    [[nodiscard]] bool continues_character(unsigned char c);

    State state_ = State::ground;
    std::string raw_, parameters_, intermediates_, body_;
    char prefix_ = 0;
    char final_ = 0;
    bool odd_ = false;       // a CSI that no terminal carries out
    bool too_long_ = false;
    unsigned missing_ = 0;   // bytes that a character of UTF-8 still lacks
};

}  // namespace xctl::client
