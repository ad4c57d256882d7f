// SPDX-License-Identifier: LGPL-2.1-or-later
// Follows what a program changes of the terminal that it prints on, and undoes it. console_codes(4), ECMA-48.
#pragma once

#include <string>
#include <vector>

#include "client/escape_scanner.hpp"

namespace xctl::client {

/// A private mode: DECSET and DECRST.
struct TerminalMode {
    unsigned number;
    bool usual = false;    // set when nobody has changed it
    bool reports = false;  // while it is set the terminal sends what nobody has typed
    bool screen = false;   // it shows the other screen
};

[[nodiscard]] const TerminalMode* find_mode(unsigned number);

/// The numbers in the parameters of a CSI; what is no number is left out.
[[nodiscard]] std::vector<unsigned> numbers_of(std::string_view parameters);

class TerminalModes {
public:
    void note(const EscapeScanner::Piece& piece);

    /// Sets the modes that make the terminal report and are set.
    [[nodiscard]] std::string set_reports() const;
    /// Empty if nothing is changed. What a normal screen shows stays.
    [[nodiscard]] std::string undo() const;
    /// Whether a program has the whole screen, as far as one can tell.
    [[nodiscard]] bool is_full_screen() const;

private:
    void note_escape(const EscapeScanner::Piece& piece);
    void note_csi(const EscapeScanner::Piece& piece);
    void note_private(const EscapeScanner::Piece& piece);
    [[nodiscard]] bool is_changed(unsigned number) const;

    std::vector<unsigned> changed_;  // private modes that are not as usual, in the order of the changes
    unsigned keyboards_ = 0;         // of the keyboard protocol, one on top of the other
    char charset_ = 'B';
    bool shifted_ = false;
    bool keypad_ = false;
    bool attributes_ = false;
    bool region_ = false;
    bool inserts_ = false;
    bool newlines_ = false;
    bool cursor_style_ = false;
    bool other_keys_ = false;
};

}  // namespace xctl::client
