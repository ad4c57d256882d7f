// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <format>
#include <utility>

namespace xctl::client {
namespace {

constexpr std::size_t kInputChunk = 4096;

/// A pipe that polls as writable takes this much without blocking, pipe(7).
constexpr std::size_t kSafeChunk = 4096;

/// How long keys that may begin to detach are held back: ctrl-p alone is useful in a shell, too.
constexpr std::chrono::milliseconds kKeyPatience{700};

/// How long a program is shown another size, so that it draws its screen anew. Input waits meanwhile.
constexpr std::chrono::milliseconds kRedrawTime{50};

bool would_block(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

/// What one round waits for, and then what it got.
struct Stream::Interest {
    enum { socket, input, output, signals, count };
    std::array<pollfd, count> fds{};

    [[nodiscard]] bool ready(std::size_t which) const { return fds[which].revents != 0; }
};

Stream::Stream(UniqueFd socket, const StreamMode& mode, StreamState& state, RawTerminal& terminal,
               Descriptors descriptors)
    : socket_(std::move(socket)),
      mode_(mode),
      state_(state),
      fds_(descriptors),
      own_out_(open_own(fds_.out)),
      own_err_(open_own(fds_.err)),
      out_is_terminal_(::isatty(fds_.out) == 1),
      err_is_terminal_(::isatty(fds_.err) == 1),
      terminal_(terminal),
      keys_(mode.detach_keys),
      to_send_(std::exchange(state.unsent, {})),
      pending_(std::exchange(state.unwritten, {})),
      pending_is_err_(state.unwritten_is_err) {}

Result<StreamOutcome> Stream::run() {
    signals_.emplace(TRY(Signals::open()));
    Interest interest;
    while (!outcome_ || (outcome_ == StreamOutcome::ended && !pending_.empty())) {
        TRY(wait(interest));
        if (interest.ready(Interest::signals)) handle_signals();
        if (interest.ready(Interest::output)) write_pending();
        if (interest.ready(Interest::socket)) {
            write_socket();
            if (pending_.empty()) read_socket();
        }
        if (interest.ready(Interest::input)) read_input();
        TRY(handle_frames());
    }
    if (outcome_ != StreamOutcome::lost) terminal_.restore();
    signals_.reset();
    if (outcome_ == StreamOutcome::lost) keep_for_next();
    return *outcome_;
}

/// A frame that was taken in part only counts as not taken. Output that was not written is: it may not be the bytes
/// that came any more.
void Stream::keep_for_next() {
    state_.unsent = to_send_;
    state_.unwritten = std::move(pending_);
    state_.unwritten_is_err = pending_is_err_;
}

Result<> Stream::wait(Interest& interest) {
    const auto socket_events = static_cast<short>((pending_.empty() ? POLLIN : 0) | (to_send_.empty() ? 0 : POLLOUT));
    interest.fds = {{{socket_events ? socket_.get() : -1, socket_events, 0},
                     {wants_input() ? fds_.in : -1, POLLIN, 0},
                     {pending_.empty() ? -1 : pending_fd(), POLLOUT, 0},
                     {signals_->fd(), POLLIN, 0}}};
    const timespec patience{0, std::chrono::nanoseconds(redraw_end_ ? kRedrawTime : kKeyPatience).count()};
    const bool in_time = redraw_end_ || keys_.holds();
    const int ready = ::ppoll(interest.fds.data(), interest.fds.size(), in_time ? &patience : nullptr, nullptr);
    if (ready < 0 && errno != EINTR) return fail_errno(errno, "ppoll");
    if (redraw_end_) {
        if (std::chrono::steady_clock::now() >= *redraw_end_) end_redraw();
        return {};
    }
    if (ready == 0 && writes()) append_frame(to_send_, api::FrameKind::input, keys_.release());
    if (ready == 0) (void)keys_.release();
    return {};
}

bool Stream::wants_input() const {
    // Keys are read on a terminal also while another client writes: they may ask to detach.
    const bool heard = writes() || terminal_.active();
    return mode_.input && live_ && !redraw_end_ && heard && (started_ || !mode_.before_start) && !state_.input_ended &&
           to_send_.empty();
}

void Stream::handle_signals() {
    while (const auto signal = signals_->read()) {
        if (*signal == SIGWINCH) {
            send_size();
        } else if (*signal == SIGTSTP) {
            const bool raw = terminal_.active();
            terminal_.suspend();
            stop_self();
            if (raw) terminal_.enter();
            send_size();
        } else {
            end_by(*signal);
        }
    }
}

void Stream::end_by(int signal) {
    signal_ = signal;
    outcome_ = StreamOutcome::signaled;
}

void Stream::read_socket() {
    const auto space = decoder_.space();
    const auto bytes = ::recv(socket_.get(), space.data(), space.size(), MSG_DONTWAIT);
    if (bytes > 0)
        decoder_.filled(static_cast<std::size_t>(bytes));
    else if (bytes == 0 || !would_block(errno))
        outcome_ = StreamOutcome::lost;
}

void Stream::write_socket() {
    if (to_send_.empty()) return;
    const auto bytes = ::send(socket_.get(), to_send_.data() + sent_, to_send_.size() - sent_,
                              MSG_DONTWAIT | MSG_NOSIGNAL);
    // A failure also shows when reading, after what xctld had still to say.
    if (bytes < 0) return;
    sent_ += static_cast<std::size_t>(bytes);
    if (sent_ < to_send_.size()) return;
    to_send_.clear();
    sent_ = 0;
}

void Stream::read_input() {
    std::array<char, kInputChunk> buffer;
    const auto bytes = ::read(fds_.in, buffer.data(), buffer.size());
    if (bytes > 0)
        typed({buffer.data(), static_cast<std::size_t>(bytes)});
    else if (bytes < 0 && would_block(errno))
        return;
    else
        terminal_.active() ? end_by(SIGHUP) : finish_input();  // a terminal in raw mode ends only by hanging up
}

void Stream::typed(std::string_view bytes) {
    if (!terminal_.active()) return append_frame(to_send_, api::FrameKind::input, bytes);
    const auto fed = keys_.feed(bytes);
    if (!fed.pass.empty() && writes()) append_frame(to_send_, api::FrameKind::input, fed.pass);
    if (!fed.detach) return;
    write_socket();
    outcome_ = StreamOutcome::detached;
}

void Stream::finish_input() {
    state_.input_ended = true;
    if (mode_.joins && ::isatty(fds_.in) == 1 && !terminal_.active())
        note(std::format("the standard input of {} is closed now, until its next start", mode_.name));
    append_frame(to_send_, api::FrameKind::end_of_input);
}

Result<> Stream::handle_frames() {
    while (pending_.empty() && (!outcome_ || outcome_ == StreamOutcome::lost)) {
        const auto frame = TRY(decoder_.next());
        if (!frame) return {};
        TRY(handle(*frame));
    }
    return {};
}

Result<> Stream::handle(const Frame& frame) {
    state_.mark = frame.header.mark;
    switch (frame.header.kind) {
        case api::FrameKind::output: handle_output(frame); break;
        case api::FrameKind::gap: go_on_at(frame.header.offset); break;
        case api::FrameKind::time: state_.lines.set_time(TRY(time_of(frame))); break;
        case api::FrameKind::run_begin:
            print(false, state_.lines.run_begin(frame.header.offset));
            started_ = whole_run_ = true;
            state_.last_end.reset();
            if (frame.header.detail == 1) tell_keys();
            if (live_) follow_terminal(frame.header.detail == 1);
            break;
        case api::FrameKind::run_end: return handle_run_end(frame);
        case api::FrameKind::live: handle_live(frame.header.detail == 1); break;
        case api::FrameKind::role: return handle_role(frame.header.detail);
        case api::FrameKind::end:
            print(false, state_.lines.finish());
            outcome_ = StreamOutcome::ended;
            break;
        case api::FrameKind::input:
        case api::FrameKind::end_of_input:
        case api::FrameKind::resize: return fail(Errc::system, "xctld sent a console frame that only clients send");
    }
    return {};
}

void Stream::handle_output(const Frame& frame) {
    std::string_view bytes(frame.payload.data(), frame.payload.size());
    const auto end = frame.header.offset + bytes.size();
    if (state_.next && end <= *state_.next) return;
    if (state_.next && frame.header.offset < *state_.next) bytes.remove_prefix(*state_.next - frame.header.offset);
    if (state_.next && frame.header.offset > *state_.next) go_on_at(frame.header.offset);
    state_.next = end;
    const bool to_err = frame.header.detail == 1;
    const auto offset = end - bytes.size();
    if (state_.lines.format() == LogFormat::json || !is_terminal(to_err))
        return print(to_err, state_.lines.output(to_err, offset, bytes));
    print(to_err, state_.lines.output(to_err, offset, state_.screen.show(bytes)));
}

/// Called while nothing waits to be written, or what does goes to the same place.
void Stream::print(bool to_err, std::string_view text) {
    if (text.empty()) return;
    pending_is_err_ = to_err && state_.lines.format() != LogFormat::json;
    pending_ += text;
    write_pending();
}

int Stream::pending_fd() const {
    const auto& own = pending_is_err_ ? own_err_ : own_out_;
    return own ? own.get() : (pending_is_err_ ? fds_.err : fds_.out);
}

/// Without O_NONBLOCK a large write could keep us from seeing signals, so it is cut into pieces.
void Stream::write_pending() {
    const int fd = pending_fd();
    const bool own = fd == own_out_.get() || fd == own_err_.get();
    std::size_t written = 0;
    while (written < pending_.size()) {
        const auto chunk = own ? pending_.size() - written : std::min(kSafeChunk, pending_.size() - written);
        pollfd writable{fd, POLLOUT, 0};
        if (!own && (::poll(&writable, 1, 0) <= 0)) break;
        const auto bytes = ::write(fd, pending_.data() + written, chunk);
        if (bytes < 0 && would_block(errno)) break;
        if (bytes < 0) return end_by(SIGPIPE);
        written += static_cast<std::size_t>(bytes);
    }
    pending_.erase(0, written);
}

void Stream::go_on_at(std::uint64_t offset) {
    if (state_.next && offset > *state_.next) {
        state_.screen.skip();
        whole_run_ = false;
        const auto missing = offset - *state_.next;
        if (state_.lines.format() == LogFormat::json)
            print(false, state_.lines.gap(offset, missing));
        else
            note(std::format("{} bytes of output were lost", missing));
    }
    if (!state_.next || offset > *state_.next) state_.next = offset;
}

Result<> Stream::handle_run_end(const Frame& frame) {
    state_.last_end = TRY(run_end_of(frame));
    print(false, state_.lines.run_end(frame.header.offset, *state_.last_end));
    if (!live_) return {};
    if (has_stopped()) outcome_ = StreamOutcome::finished;
    if (!state_.last_end->final && mode_.until_exit) {
        const auto& end = *state_.last_end;
        note(std::format("{} {} {}; it will be started again", mode_.name,
                         end.signaled ? "was ended by signal" : "exited with", end.status));
    }
    return {};
}

/// While replaying, an end may belong to a run long ago; whether it is the last word shows here.
void Stream::handle_live(bool terminal) {
    live_ = true;
    const bool waited = state_.was_live && !state_.writer;
    state_.writer = writes() && mode_.input;
    if (has_stopped()) {
        outcome_ = StreamOutcome::finished;
        return;
    }
    // A client without input passes on no answers either, so that all output is to it like a replay.
    if (mode_.input && !state_.was_live) print(!out_is_terminal_, state_.screen.go_live());
    if (terminal) tell_keys();
    follow_terminal(terminal);
    if (mode_.input && !writes() && !waited) tell_role();
    if (terminal) ask_to_redraw();
    state_.was_live = true;
}

Result<> Stream::handle_role(std::uint8_t detail) {
    if (detail > static_cast<std::uint8_t>(api::Role::writer_to_nobody))
        return fail(Errc::system, "xctld sent an unknown role");
    const auto role = static_cast<api::Role>(detail);
    if (role == role_) return {};
    role_ = role;
    // Before what is new begins, a note would scroll away.
    if (!live_) return {};
    state_.writer = writes() && mode_.input;
    tell_role();
    send_size();
    return {};
}

void Stream::tell_role() {
    switch (role_) {
        case api::Role::writer: return note("the input is yours now");
        case api::Role::waiting: return note("another client has the input; xctl attach --steal takes it over");
        case api::Role::writer_to_nobody:
            return note(std::format("the standard input of {} is closed until its next start; what you type is dropped",
                                    mode_.name));
    }
}

/// Once raw, the user's terminal stays so between runs: what is typed then is for the next one.
void Stream::follow_terminal(bool terminal) {
    if (!terminal || !mode_.input) return;
    terminal_.enter();
    send_size();
}

bool Stream::has_stopped() const {
    return (mode_.until_exit || mode_.until_stop) && state_.last_end && state_.last_end->final;
}

void Stream::send_size() {
    if (!terminal_.active() || !writes()) return;
    if (const auto size = terminal_size(fds_.in)) append_resize(to_send_, *size);
}

void Stream::note(std::string_view text) { write_note(fds_.err, terminal_.active(), text); }

/// Where somebody can see it and press them.
void Stream::tell_keys() {
    const bool can_leave = mode_.joins && mode_.input && !mode_.detach_keys.empty() && ::isatty(fds_.in) == 1;
    if (!can_leave || !err_is_terminal_ || state_.was_live || std::exchange(keys_told_, true)) return;
    note(std::format("attached to {}; {} leaves", mode_.name, keys_text(mode_.detach_keys)));
}

/// A program that has the whole screen draws all of it when its terminal changes its size, and others do no harm.
void Stream::ask_to_redraw() {
    const bool may_be_full = !whole_run_ || state_.screen.modes().is_full_screen();
    const bool joins = mode_.joins && !state_.was_live && may_be_full;
    if (!(std::exchange(state_.spoiled, false) || joins) || !terminal_.active() || !writes()) return;
    auto size = terminal_size(fds_.in);
    if (!size) return;
    size->rows = static_cast<std::uint16_t>(size->rows > 1 ? size->rows - 1 : size->rows + 1);
    append_resize(to_send_, *size);
    redraw_end_ = std::chrono::steady_clock::now() + kRedrawTime;
}

void Stream::end_redraw() {
    redraw_end_.reset();
    send_size();
}

}  // namespace xctl::client
