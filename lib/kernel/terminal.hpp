// SPDX-License-Identifier: LGPL-2.1-or-later
// The caller's own terminal, which passes every key on while a program elsewhere uses it: termios(3).
#pragma once

#include <termios.h>

namespace xctl::kernel {

/// Raw mode of a terminal, which the destructor ends.
class RawMode {
public:
    explicit RawMode(int fd) noexcept : fd_(fd) {}
    RawMode(const RawMode&) = delete;
    RawMode& operator=(const RawMode&) = delete;
    ~RawMode() { leave(); }

    /// Reads the mode that leave() restores; false where there is no terminal.
    [[nodiscard]] bool read() noexcept { return ::tcgetattr(fd_, &before_) == 0; }
    /// Requires a successful read().
    void enter() noexcept;
    /// Does not wait for output: a user may have stopped it with ctrl-s.
    void leave() noexcept;

    [[nodiscard]] bool active() const noexcept { return active_; }
    [[nodiscard]] const termios& before() const noexcept { return before_; }

private:
    int fd_;
    bool active_ = false;
    termios before_{};
};

}  // namespace xctl::kernel
