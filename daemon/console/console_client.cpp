// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/console_client.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <chrono>
#include <format>

#include "lib/base/time_text.hpp"

namespace xctl::console {
namespace {

using api::FrameHeader;
using api::FrameKind;

/// So that one client with much to read cannot hold up the loop.
constexpr int kFramesPerTurn = 32;

constexpr std::uint64_t kMaxSide = 65535;  // of a terminal, TIOCSWINSZ(2const)

std::span<const std::byte> as_bytes(const auto& value) { return std::as_bytes(std::span(&value, 1)); }

}  // namespace

Result<ConsoleClient::Options> ConsoleClient::Options::of(const api::Framing& framing, const api::TerminalSize& terminal,
                                                          const api::Peer& peer) {
    if (terminal.rows.has_value() != terminal.columns.has_value())
        return fail(Errc::invalid_argument, "rows and columns: neither is of use without the other");
    const auto rows = terminal.rows.value_or(0), columns = terminal.columns.value_or(0);
    if (rows > kMaxSide || columns > kMaxSide)
        return fail(Errc::invalid_argument, std::format("rows and columns: must be at most {}", kMaxSide));
    Options options;
    options.framed = framing.framed;
    options.peer = peer;
    options.size = {static_cast<std::uint16_t>(rows), static_cast<std::uint16_t>(columns)};
    return options;
}

ConsoleClient::ConsoleClient(const ring::Ring& ring, ConsoleInput& input, UniqueFd socket, Options options)
    : ring_(ring),
      input_(input),
      socket_(std::move(socket)),
      options_(std::move(options)),
      live_offset_(options_.until.value_or(ring.end())),
      live_mark_(options_.until ? ring::ConsoleCursor::at(ring, *options_.until).mark() : ring.mark_count()),
      since_(to_usec(std::chrono::system_clock::now())) {}

Result<> ConsoleClient::start(kernel::EventLoop& loop, std::function<void()> on_gone) {
    on_gone_ = std::move(on_gone);
    source_ = TRY(loop.add_io(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP,
                              [this](std::uint32_t events) { on_socket(events); }));
    return {};
}

void ConsoleClient::leave() {
    source_.reset();
    // The handler may destroy this object, so it must not live inside it.
    if (auto gone = std::exchange(on_gone_, nullptr)) gone();
}

void ConsoleClient::on_socket(std::uint32_t events) {
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        read_last_input();
        return leave();
    }
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0 && reads_ && !read_input()) return leave();
    blocked_ = false;
    // Which it may outlive us to hear of.
    auto& input = input_;
    pump();
    input.on_progress();
}

void ConsoleClient::update_events() {
    // A plain client does not know that another one writes: its input waits in the socket until it is its turn.
    const bool drops = options_.observe || (options_.framed && !writes_);
    const bool reading = reads_ && (drops || (writes_ && input_.wants_input()));
    source_.set_events((reading ? EPOLLIN | EPOLLRDHUP : 0u) | (blocked_ ? EPOLLOUT : 0u));
}

void ConsoleClient::pump() {
    if (blocked_) return;
    switch (send_some()) {
        case Sent::gone: return leave();
        case Sent::blocked: blocked_ = true; break;
        case Sent::all: break;
    }
    update_events();
}

void ConsoleClient::set_writer(bool writes) {
    writes_ = writes;
    // The terminal of a run that has not begun yet gets it, too.
    if (writes && options_.size.rows > 0 && options_.size.columns > 0) input_.resize(options_.size);
    pump();
    update_events();
}

void ConsoleClient::notice_departure() {
    pollfd state{socket_.get(), POLLRDHUP, 0};
    if (source_ && ::poll(&state, 1, 0) > 0) on_socket(static_cast<std::uint32_t>(state.revents));
}

api::ClientInfo ConsoleClient::info() const {
    api::ClientInfo info;
    info.role = writes_ ? "writer" : may_write() ? "waiting" : "observer";
    info.uid = options_.peer.uid;
    info.pid = options_.peer.pid;
    info.unit = options_.peer.unit;
    info.since = since_;
    info.offset = options_.cursor.offset();
    info.behind = ring_.end() - info.offset;
    return info;
}

bool ConsoleClient::takes_input() const noexcept { return writes_ && !input_ended_; }

void ConsoleClient::end_input() {
    input_ended_ = true;
    input_.end_input(typed_);
}

void ConsoleClient::finish() {
    finishing_ = true;
    pump();
}

bool ConsoleClient::is_replayed() const noexcept {
    return options_.cursor.offset() >= live_offset_ && options_.cursor.mark() >= live_mark_;
}

/// What is printed during a replay that does not follow is not part of it.
std::size_t ConsoleClient::limit() const noexcept {
    if (live_sent_ || options_.follow) return api::kMaxFramePayload;
    const auto offset = options_.cursor.offset();
    return std::min<std::size_t>(api::kMaxFramePayload, live_offset_ - std::min(live_offset_, offset));
}

ConsoleClient::Sent ConsoleClient::send_some() {
    for (int turn = 0; turn < kFramesPerTurn; ++turn) {
        if (const auto sent = flush(); sent != Sent::all) return sent;
        if (const auto sent = put_role(); sent != Sent::all) return sent;
        if (ended_) return Sent::gone;
        if (!live_sent_ && is_replayed()) {
            live_sent_ = true;
            if (put(FrameKind::live, options_.terminal ? 1 : 0, options_.cursor.offset(), {}) == Sent::gone)
                return Sent::gone;
            if (!options_.follow) finishing_ = true;
            continue;
        }
        const auto item =
            live_sent_ && !options_.follow ? ring::ConsoleCursor::Item{} : options_.cursor.next(ring_, limit());
        if (std::holds_alternative<ring::ConsoleCursor::Nothing>(item)) {
            // Marks of streams are passed without an item, so the replay may have ended just now.
            if (!live_sent_ && is_replayed()) continue;
            if (!finishing_) return Sent::all;
            ended_ = true;
            put(FrameKind::end, 0, options_.cursor.offset(), {});
            return flush() == Sent::blocked ? Sent::blocked : Sent::gone;
        }
        if (const auto sent = put_item(item); sent != Sent::all) return sent;
    }
    return Sent::blocked;  // more to say: asks for EPOLLOUT, which fires in the next turn of the loop
}

api::Role ConsoleClient::role() const {
    if (!writes_) return api::Role::waiting;
    return input_.has_no_input() ? api::Role::writer_to_nobody : api::Role::writer;
}

ConsoleClient::Sent ConsoleClient::put_role() {
    // A client that never writes again has nothing to learn.
    if (role() == told_role_ || !may_write()) return Sent::all;
    told_role_ = role();
    return put(FrameKind::role, static_cast<std::uint8_t>(told_role_), options_.cursor.offset(), {});
}

ConsoleClient::Sent ConsoleClient::put_item(const ring::ConsoleCursor::Item& item) {
    if (const auto* output = std::get_if<ring::ConsoleCursor::Output>(&item)) return put_output(*output);
    if (const auto* gap = std::get_if<ring::ConsoleCursor::Gap>(&item)) return put(FrameKind::gap, 0, gap->offset, {});
    if (const auto* time = std::get_if<ring::ConsoleCursor::Time>(&item))
        return put(FrameKind::time, 0, options_.cursor.offset(), as_bytes(time->time));
    return put_boundary(std::get<ring::ConsoleCursor::Boundary>(item).mark);
}

ConsoleClient::Sent ConsoleClient::put_output(const ring::ConsoleCursor::Output& output) {
    const auto detail = static_cast<std::uint8_t>(output.standard_error ? 1 : 0);
    const auto sent = put(FrameKind::output, detail, output.offset, output.bytes);
    options_.cursor.advance(output.bytes.size());
    return sent;
}

ConsoleClient::Sent ConsoleClient::put_boundary(const ring::Ring::Mark& mark) {
    if (mark.kind == ring::Ring::MarkKind::run_begin) return put(FrameKind::run_begin, mark.terminal, mark.offset, {});
    const api::RunEnd end{mark.signaled, mark.final, 0, mark.status};
    return put(FrameKind::run_end, 0, mark.offset, as_bytes(end));
}

/// Sends one frame; what the socket does not take is kept, so a frame is never cut.
ConsoleClient::Sent ConsoleClient::put(FrameKind kind, std::uint8_t detail, std::uint64_t offset,
                                       std::span<const std::byte> payload) {
    FrameHeader header{kind, detail, 0, static_cast<std::uint32_t>(payload.size()), offset, options_.cursor.mark()};
    if (!options_.framed && kind != FrameKind::output) return Sent::all;
    iovec parts[2]{{&header, options_.framed ? sizeof header : 0},
                   {const_cast<std::byte*>(payload.data()), payload.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const auto total = parts[0].iov_len + parts[1].iov_len;
    const auto sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Sent::gone;
    auto done = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    if (done == total) return Sent::all;
    for (const auto& part : parts) {
        const auto skip = std::min(done, part.iov_len);
        unsent_.append(static_cast<const char*>(part.iov_base) + skip, part.iov_len - skip);
        done -= skip;
    }
    return Sent::blocked;
}

ConsoleClient::Sent ConsoleClient::flush() {
    while (!unsent_.empty()) {
        const auto sent = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return errno == EAGAIN || errno == EINTR ? Sent::blocked : Sent::gone;
        unsent_.erase(0, static_cast<std::size_t>(sent));
    }
    return Sent::all;
}

/// What a client typed before it left still counts; the socket's buffer bounds it.
void ConsoleClient::read_last_input() {
    char buffer[16 * 1024];
    for (ssize_t got = 1; reads_ && takes_input() && got > 0;) {
        got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (got > 0 && !take_input({buffer, static_cast<std::size_t>(got)})) return;
    }
}

bool ConsoleClient::read_input() {
    char buffer[16 * 1024];
    const auto got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        reads_ = false;
        if (options_.framed) return false;
        // A plain client that shuts down its sending side has no more input, but may still want the output.
        if (takes_input()) end_input();
        return true;
    }
    if (options_.observe) return true;
    return take_input({buffer, static_cast<std::size_t>(got)});
}

bool ConsoleClient::take_input(std::string_view bytes) {
    if (!options_.framed) {
        write_input(bytes);
        return true;
    }
    words_.add(bytes);
    return take_words();
}

void ConsoleClient::write_input(std::string_view bytes) {
    typed_ |= !bytes.empty();
    input_.write_input(bytes);
}

bool ConsoleClient::take_words() {
    while (true) {
        const auto word = words_.next();
        if (std::holds_alternative<ConsoleWords::Nothing>(word)) return true;
        if (std::holds_alternative<ConsoleWords::Malformed>(word)) return false;
        if (const auto* size = std::get_if<api::Size>(&word)) options_.size = *size;
        // Input of a client that does not write is dropped.
        if (takes_input()) take_word(word);
    }
}

void ConsoleClient::take_word(const ConsoleWords::Word& word) {
    if (const auto* input = std::get_if<ConsoleWords::Input>(&word)) write_input(input->bytes);
    if (const auto* size = std::get_if<api::Size>(&word)) input_.resize(*size);
    if (std::holds_alternative<ConsoleWords::EndOfInput>(word)) end_input();
}

}  // namespace xctl::console
