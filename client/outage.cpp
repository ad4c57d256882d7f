// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/outage.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <format>

namespace xctl::client {
namespace {

/// A restart of xctld takes less.
constexpr std::chrono::seconds kQuietTime{1};

}  // namespace

Outage::Outage(const StreamMode& mode, StreamState& state, RawTerminal& terminal, Stream::Descriptors descriptors,
               Signals signals)
    : mode_(mode),
      state_(state),
      terminal_(terminal),
      fds_(descriptors),
      signals_(std::move(signals)),
      keys_(mode.detach_keys),
      telling_(Clock::now() + kQuietTime) {}

Result<Outage> Outage::begin(const StreamMode& mode, StreamState& state, RawTerminal& terminal,
                             Stream::Descriptors descriptors) {
    return Outage(mode, state, terminal, descriptors, TRY(Signals::open()));
}

bool Outage::wait(int fd, short events, std::optional<std::chrono::milliseconds> time) {
    const auto end = time ? std::optional(Clock::now() + *time) : std::nullopt;
    while (!outcome_) {
        const auto now = Clock::now();
        if (!told_ && now >= telling_) tell();
        if (end && now >= *end) return true;
        std::array<pollfd, 3> fds{{{fd, events, 0},
                                   {signals_.fd(), POLLIN, 0},
                                   {terminal_.active() && mode_.input ? fds_.in : -1, POLLIN, 0}}};
        auto until = end;
        if (!told_) until = std::min(telling_, end.value_or(telling_));
        const auto left = until ? std::chrono::ceil<std::chrono::milliseconds>(*until - now).count() : -1;
        if (::poll(fds.data(), fds.size(), static_cast<int>(left)) <= 0) continue;
        if (fds[1].revents != 0) handle_signals();
        if (fds[2].revents != 0 && !outcome_) read_keys();
        if (fds[0].revents != 0 && !outcome_) return true;
    }
    return false;
}

void Outage::handle_signals() {
    while (const auto signal = signals_.read()) {
        if (*signal == SIGWINCH) continue;  // the next connection says the size
        if (*signal == SIGTSTP) {
            const bool raw = terminal_.active();
            terminal_.suspend();
            stop_self();
            if (raw) terminal_.enter();
            continue;
        }
        signal_ = *signal;
        outcome_ = StreamOutcome::signaled;
    }
}

void Outage::read_keys() {
    std::array<char, 4096> buffer;
    const auto bytes = ::read(fds_.in, buffer.data(), buffer.size());
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (bytes <= 0) {
        signal_ = SIGHUP;
        outcome_ = StreamOutcome::signaled;
        return;
    }
    const auto fed = keys_.feed({buffer.data(), static_cast<std::size_t>(bytes)});
    keep(fed.pass);
    if (fed.detach) outcome_ = StreamOutcome::detached;
}

/// Another client may have the input; then nobody waits for this.
void Outage::keep(std::string_view typed) {
    if (!state_.writer) return;
    const auto room = std::min(typed.size(), kMaxKept - kept_.size());
    kept_ += typed.substr(0, room);
    dropped_ += typed.size() - room;
}

void Outage::tell() {
    told_ = true;
    if (::isatty(fds_.err) != 1) return;
    state_.spoiled = true;
    const bool can_leave = terminal_.active() && mode_.input && !mode_.detach_keys.empty();
    write_note(fds_.err, terminal_.active(),
               can_leave ? std::format("xctld does not answer; waiting. {} leaves.", keys_text(mode_.detach_keys))
                         : "xctld does not answer; waiting.");
}

void Outage::end() {
    keep(keys_.release());
    if (!kept_.empty()) append_frame(state_.unsent, api::FrameKind::input, kept_);
    if (dropped_ > 0)
        write_note(fds_.err, terminal_.active(),
                   std::format("{} bytes that were typed meanwhile were dropped", dropped_));
    kept_.clear();
    dropped_ = 0;
}

}  // namespace xctl::client
