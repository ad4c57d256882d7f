// SPDX-License-Identifier: LGPL-2.1-or-later
// Prints the output of a console on the user's terminal. Output that is only shown again does not ask the terminal
// anything: nobody waits for the answer any more, and the next reader of the terminal would take the answer for typed.
#pragma once

#include <string>
#include <string_view>

#include "client/escape_scanner.hpp"
#include "client/terminal_modes.hpp"

namespace xctl::client {

class TerminalOutput {
public:
    /// The bytes to print for these.
    std::string show(std::string_view bytes);
    /// From now on `show` gives the bytes as they are; what is returned goes before them.
    std::string go_live();
    /// Bytes of the console are missing from here.
    void skip() { scanner_.give_up(); }

    [[nodiscard]] const TerminalModes& modes() const { return modes_; }

private:
    std::string replay(std::string_view bytes);

    EscapeScanner scanner_;
    TerminalModes modes_;
    bool live_ = false;
};

}  // namespace xctl::client
