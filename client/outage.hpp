// SPDX-License-Identifier: LGPL-2.1-or-later
// While xctld does not answer: the keyboard is heard all the same. Keys that detach do, others wait for the container.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "client/detach_keys.hpp"
#include "client/stream.hpp"
#include "client/terminal.hpp"

namespace xctl::client {

class Outage {
public:
    static Result<Outage> begin(const StreamMode& mode, StreamState& state, RawTerminal& terminal,
                                Stream::Descriptors descriptors);

    /// Until `fd`, which may be -1, has one of the events or the time is over. False when the client is to leave.
    bool wait(int fd, short events, std::optional<std::chrono::milliseconds> time);
    /// How it is to leave, if it is.
    [[nodiscard]] std::optional<StreamOutcome> outcome() const { return outcome_; }
    [[nodiscard]] int last_signal() const { return signal_; }
    /// xctld is back: what was typed goes to the next connection.
    void end();

    /// So much of what is typed is kept. The rest is read all the same: it may be the detach keys.
    static constexpr std::size_t kMaxKept = 64 * 1024;

private:
    Outage(const StreamMode& mode, StreamState& state, RawTerminal& terminal, Stream::Descriptors descriptors,
           Signals signals);

    void handle_signals();
    void read_keys();
    void keep(std::string_view typed);
    void tell();

    using Clock = std::chrono::steady_clock;

    const StreamMode& mode_;
    StreamState& state_;
    RawTerminal& terminal_;
    Stream::Descriptors fds_;
    Signals signals_;
    DetachMatcher keys_;
    std::string kept_;
    std::uint64_t dropped_ = 0;
    Clock::time_point telling_;  // when the user is told
    bool told_ = false;
    int signal_ = 0;
    std::optional<StreamOutcome> outcome_;
};

}  // namespace xctl::client
