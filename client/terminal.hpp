// SPDX-License-Identifier: LGPL-2.1-or-later
// The user's terminal and the signals that concern it: whatever ends the client, the terminal is restored first.
#pragma once

#include <array>
#include <csignal>
#include <optional>
#include <string_view>

#include "api/console_stream.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/terminal.hpp"

namespace xctl::client {

/// Raw mode of a terminal for as long as this lives.
class RawTerminal {
public:
    explicit RawTerminal(int fd) noexcept : fd_(fd), mode_(fd) {}
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal() { restore(); }

    /// Does nothing where there is no terminal. From now on a signal that ends the process restores it first, also
    /// where nobody takes signals from a descriptor.
    void enter() noexcept;
    /// Discards what was typed for the container and has not been read: it is not for the next reader of the terminal.
    void restore() noexcept;
    /// Restores the terminal for a while only, so that what was typed waits.
    void suspend() noexcept;
    [[nodiscard]] bool active() const noexcept { return mode_.active(); }

private:
    int fd_;
    kernel::RawMode mode_;
    std::array<struct sigaction, 4> old_actions_{};
};

/// Our own open file description of a terminal or pipe, whose O_NONBLOCK nobody else sees. None for what cannot be
/// opened again, and for files, which never block.
[[nodiscard]] UniqueFd open_own(int fd);

/// A line for people, as much of it as can be written now. `raw`: the terminal is.
void write_note(int fd, bool raw, std::string_view text);

[[nodiscard]] std::optional<api::Size> terminal_size(int fd) noexcept;

/// Takes the signals that would end or stop the client out of a descriptor, for as long as this lives. SIGPIPE is
/// ignored meanwhile: a failed write says the same.
class Signals {
public:
    static Result<Signals> open();
    Signals(Signals&& other) noexcept;
    Signals& operator=(Signals&&) = delete;
    ~Signals();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] std::optional<int> read() noexcept;

private:
    Signals(UniqueFd fd, const sigset_t& old_mask, const struct sigaction& old_pipe) noexcept
        : fd_(std::move(fd)), old_mask_(old_mask), old_pipe_(old_pipe) {}

    UniqueFd fd_;
    sigset_t old_mask_;
    struct sigaction old_pipe_;
};

/// Ends this process by the signal, so that the caller sees the usual status.
[[noreturn]] void die_by(int signal) noexcept;

/// Stops this process as SIGTSTP would have; returns when it goes on.
void stop_self() noexcept;

}  // namespace xctl::client
