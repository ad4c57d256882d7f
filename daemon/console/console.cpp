// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/console.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>
#include <format>

#include "lib/base/log.hpp"

namespace xctl::console {
namespace {

using Kind = ring::Ring::MarkKind;

/// How often one readable stream is read before others get their turn.
constexpr int kPullsPerTurn = 16;
constexpr int kPipeSize = 1024 * 1024;
constexpr int kDefaultPipeSize = 64 * 1024;
/// How long a pipe that was locked is left alone, so that a container that locks it again and again costs little.
constexpr std::chrono::milliseconds kRestTime{100};
/// What the end of a run may be held up by a pipe that is locked though nothing of the container is left.
constexpr std::chrono::milliseconds kLastWait{100};
constexpr int kLateTurns = 16;
constexpr std::chrono::milliseconds kReadRetryDelay{500};
/// What pipes and terminals may still hold when the ring is as full as it may get; it must fit in at the end.
constexpr std::uint64_t kInTransit = 4 * kDefaultPipeSize;
constexpr std::size_t kMaxWaitingInput = 1024 * 1024;

/// What clients see as the status of a program that never ran, as shells have it.
constexpr int kLaunchFailedStatus = 127;

struct Pipe {
    UniqueFd read, write;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void set_nonblocking(int fd) { (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

Result<std::array<UniqueFd, 3>> Console::open_pipes() {
    auto in = TRY(make_pipe());
    auto out = TRY(make_pipe());
    auto err = TRY(make_pipe());
    // Larger pipes let a busy container write on while the daemon is away; the default does if this fails.
    if (!lossless_) (void)::fcntl(out.read.get(), F_SETPIPE_SZ, kPipeSize);
    set_nonblocking(in.write.get());
    terminal_run_ = false;
    input_ = std::move(in.write);
    output_ = {std::move(out.read), Kind::standard_output, {}};
    error_ = {std::move(err.read), Kind::standard_error, {}};
    TRY(watch(output_));
    TRY(watch(error_));
    flush_input();
    return std::array{std::move(in.read), std::move(out.write), std::move(err.write)};
}

Result<> Console::open_terminal() {
    auto transit = TRY(make_pipe());
    terminal_run_ = true;
    transit_write_ = std::move(transit.write);
    transit_ = {std::move(transit.read), Kind::standard_output, {}};
    return {};
}

Result<> Console::set_terminal(UniqueFd master) {
    terminal_ = std::move(master);
    set_nonblocking(terminal_.get());
    TRY(hold_slave());
    if (size_.rows > 0) resize(size_);
    if (std::exchange(input_ending_, false) && types_end_) type_end();
    flush_input();
    return watch_terminal();
}

Result<> Console::hold_slave() {
    // Without an open slave the master reads as hung up, again and again, until the container opens it anew.
    slave_.reset(::ioctl(terminal_.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave_) return fail_errno(errno, "open the container's terminal");
    return {};
}

Result<> Console::resize_ring(int directory, const char* name, std::uint64_t size) {
    if (pull_task_.is_pending() && !ring_.fits(size))
        return fail(Errc::wrong_state, "a process keeps the console's pipe locked: the scrollback cannot change now");
    TRY(ring_.resize(directory, name, size));
    return {};
}

void Console::mark_run_begin(bool terminal) {
    ring_.add_mark({ring_.end(), 0, Kind::run_begin, 0, 0, terminal});
    notify();
}

std::vector<Console::Held> Console::held() const {
    std::vector<Held> held;
    const auto add = [&](ConsoleRole role, const UniqueFd& fd) {
        if (fd) held.push_back({role, fd.get()});
    };
    add(ConsoleRole::terminal, terminal_);
    add(ConsoleRole::transit_read, transit_.fd);
    add(ConsoleRole::transit_write, transit_write_);
    add(ConsoleRole::standard_input, input_);
    add(ConsoleRole::standard_output, output_.fd);
    add(ConsoleRole::standard_error, error_.fd);
    return held;
}

Result<> Console::adopt(std::vector<std::pair<ConsoleRole, UniqueFd>> held) {
    for (auto& [role, fd] : held) {
        switch (role) {
            case ConsoleRole::terminal: terminal_ = std::move(fd); break;
            case ConsoleRole::transit_read: transit_ = {std::move(fd), Kind::standard_output, {}}; break;
            case ConsoleRole::transit_write: transit_write_ = std::move(fd); break;
            case ConsoleRole::standard_input: input_ = std::move(fd); break;
            case ConsoleRole::standard_output: output_ = {std::move(fd), Kind::standard_output, {}}; break;
            case ConsoleRole::standard_error: error_ = {std::move(fd), Kind::standard_error, {}}; break;
        }
    }
    terminal_run_ = static_cast<bool>(transit_.fd);
    if (output_.fd) TRY(watch(output_));
    if (error_.fd) TRY(watch(error_));
    if (!terminal_) return {};
    TRY(hold_slave());
    return watch_terminal();
}

Result<> Console::watch(Stream& stream) {
    if (stream.source) return {};
    stream.source =
        TRY(loop_.add_io(stream.fd.get(), EPOLLIN, [this, &stream](std::uint32_t) { on_readable(stream); }));
    return {};
}

Result<> Console::watch_terminal() {
    if (!terminal_source_)
        terminal_source_ = TRY(loop_.add_io(terminal_.get(), 0, [this](std::uint32_t events) { on_terminal(events); }));
    reads_terminal_ = true;
    // Takes what came before, also what is in transit already, which would wake nobody.
    take_terminal();
    wait_for_terminal();
    return {};
}

void Console::wait_for_terminal() {
    terminal_source_.set_events((reads_terminal_ ? EPOLLIN : 0u) | (pending_.empty() ? 0u : EPOLLOUT));
}

Console::Pulled Console::pull_all(Stream& stream) {
    for (int turn = 0; turn < kPullsPerTurn; ++turn) {
        if (!has_room()) {
            wait_for_room();
            return Pulled::all;
        }
        const auto space = ring_.prepare(stream.kind);
        const auto moved = pull(stream, space);
        if (!moved && (moved.error().sys_errno == EAGAIN || moved.error().sys_errno == EINTR)) return Pulled::all;
        if (!moved && moved.error().sys_errno == EINPROGRESS) return Pulled::later;
        if (!moved) return Pulled::stuck;
        if (*moved == 0) return Pulled::end;
        // Asking again would cost as much; a pipe that is not empty yet is readable still.
        if (&stream != &transit_ && *moved < space.room) return Pulled::all;
    }
    return Pulled::all;
}

Result<std::size_t> Console::pull(Stream& stream, const ring::Ring::Space& space) {
    // Nobody else has this pipe.
    if (&stream == &transit_) return ring::Ring::pull(stream.fd.get(), space);
    return workers_.splice(stream.fd.get(), space.file, space.counter, space.room, pull_task_,
                           [this](const Result<std::size_t>&) { on_pulled(); });
}

/// A pull that took its time. Whatever became of it, the pipe still says.
void Console::on_pulled() {
    notify();
    loop_.arm(rest_timer_, kRestTime, [this](std::uint32_t) {
        rest_timer_.reset();
        watch_all();
    });
}

void Console::on_readable(Stream& stream) {
    switch (pull_all(stream)) {
        case Pulled::all: break;
        case Pulled::end:
            stream.source.reset();
            stream.fd.reset();
            break;
        case Pulled::later: stop_watching(); break;
        case Pulled::stuck: retry_later();
    }
    notify();
}

/// The ring cannot grow, since /run is full. The container waits in its write meanwhile, and nothing is lost.
void Console::retry_later() {
    stop_watching();
    if (retry_timer_) return;
    loop_.arm(retry_timer_, kReadRetryDelay, [this](std::uint32_t) {
        retry_timer_.reset();
        watch_all();
    });
}

/// A terminal still takes input.
void Console::stop_watching() {
    for (auto* source : {&output_.source, &error_.source}) source->reset();
    reads_terminal_ = false;
    wait_for_terminal();
}

void Console::watch_all() {
    if (pull_task_.is_pending() || rest_timer_) return;
    const auto watch_each = [this]() -> Result<> {
        if (output_.fd) TRY(watch(output_));
        if (error_.fd) TRY(watch(error_));
        if (terminal_) TRY(watch_terminal());
        return {};
    };
    if (const auto watched = watch_each(); !watched) {
        log_error(std::format("a console cannot be read, which is tried again: {}", watched.error().message));
        retry_later();
    }
}

bool Console::has_room() const noexcept {
    if (!lossless_) return true;
    if (hold_timer_) return false;
    return ring_.end() - clients_.slowest_offset() + 2 * kInTransit <= ring_.capacity();
}

/// The container waits in its write meanwhile.
void Console::wait_for_room() {
    stop_watching();
    waits_for_room_ = true;
}

/// In the next turn of the loop, since reading leads to sending, which leads here.
void Console::on_progress() {
    if (!waits_for_room_ || progress_source_ || !has_room()) return;
    loop_.defer(progress_source_, [this](std::uint32_t) {
        progress_source_.reset();
        if (!waits_for_room_ || !has_room()) return;
        waits_for_room_ = false;
        watch_all();
    });
}

void Console::hold(std::chrono::microseconds time) {
    loop_.arm(hold_timer_, time, [this](std::uint32_t) {
        hold_timer_.reset();
        on_progress();
    });
}

void Console::pull_terminal() {
    for (int turn = 0; turn < kPullsPerTurn; ++turn) {
        if (pull_all(transit_) == Pulled::stuck) return retry_later();
        if (!has_room()) break;
        const auto moved = ::splice(terminal_.get(), nullptr, transit_write_.get(), nullptr, 64 * 1024,
                                    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (moved <= 0) break;
    }
    (void)pull_all(transit_);
}

void Console::take_terminal() {
    pull_terminal();
    notify();
}

void Console::on_terminal(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) flush_input();
    if ((events & ~EPOLLOUT) != 0 && reads_terminal_) take_terminal();
}

/// A process that outlives the init may still hold the pipe and write to it without end, so neither end of file nor an
/// empty pipe can be waited for; more than the pipe can hold is not what the container had printed by now.
void Console::take_rest(Stream& stream, std::size_t limit) {
    const auto stop = ring_.end() + limit;
    for (int late = 0; stream.fd && ring_.end() < stop && late < kLateTurns && !pull_task_.is_pending();) {
        const auto moved = pull(stream, ring_.prepare(stream.kind));
        if (!moved && moved.error().sys_errno == EINPROGRESS && pull_task_.finish(kLastWait))
            ++late;
        else if (moved.value_or(0) == 0)
            return;
    }
}

void Console::close_run() {
    hold_timer_.reset();
    waits_for_room_ = false;
    // What is left fits, see has_room().
    const bool lossless = std::exchange(lossless_, false);
    if (terminal_) pull_terminal();
    (void)pull_task_.finish(kLastWait);
    for (auto* stream : {&transit_, &output_, &error_}) {
        take_rest(*stream, lossless ? kDefaultPipeSize : kPipeSize);
        stream->source.reset();
        stream->fd.reset();
    }
    pull_task_.give_up();
    input_task_.give_up();
    rest_timer_.reset();
    terminal_source_.reset();
    reads_terminal_ = false;
    retry_timer_.reset();
    input_source_.reset();
    for (auto* fd : {&terminal_, &slave_, &transit_write_, &input_}) fd->reset();
    pending_.clear();
    input_ending_ = in_line_ = false;
    lossless_ = lossless;
    notify();
}

void Console::mark_run_end(const model::ExitRecord& exit, bool final) {
    const bool signaled = exit.reason == model::ExitReason::signal || exit.reason == model::ExitReason::oom_kill;
    const int status = exit.reason == model::ExitReason::launch_failed ? kLaunchFailedStatus
                       : exit.reason == model::ExitReason::unknown     ? ring::Ring::kUnknownStatus
                                                                : exit.status;
    ring_.add_mark({ring_.end(), status, Kind::run_end, signaled, final, 0});
    notify();
}

void Console::notify() {
    if (listener_) listener_();
    clients_.pump();
    on_progress();
}

Result<> Console::attach(UniqueFd socket, ConsoleClient::Options options, bool steal) {
    options.terminal = terminal_run_;
    TRY(clients_.add(std::move(socket), std::move(options), steal));
    hold_timer_.reset();
    on_progress();
    return {};
}

int Console::input_fd() const noexcept { return terminal_ ? terminal_.get() : input_.get(); }

void Console::write_input(std::string_view bytes) {
    // What is typed before the container starts waits for it, as it would in a terminal.
    // Clients are not read while much of it waits; what they had sent by then is bounded here.
    if (input_ending_ || pending_.size() > kMaxWaitingInput) return;
    if (!bytes.empty()) in_line_ = bytes.back() != '\n' && bytes.back() != '\r';
    pending_ += bytes;
    flush_input();
}

/// A terminal is everybody's, so that only a client that has typed ends what its reader reads; an exec's is its
/// client's alone.
void Console::end_input(bool typed) {
    types_end_ = typed || lossless_;
    if (!terminal_) {
        input_ending_ = true;
    } else if (types_end_) {
        type_end();
    }
    // The next writer learns at once what its input is worth.
    clients_.release_writer();
    flush_input();
}

bool Console::has_no_input() const {
    const bool reads_pipes = output_.fd || error_.fd;
    return reads_pipes && !terminal_run_ && (input_ending_ || !input_);
}

/// As a user would: in the middle of a line, the first only hands over what was typed of it. termios(3): VEOF.
void Console::type_end() {
    termios mode{};
    if (::tcgetattr(terminal_.get(), &mode) != 0) return;
    const char key = static_cast<char>(mode.c_cc[VEOF]);
    pending_.append(std::exchange(in_line_, false) ? 2 : 1, key);
}

/// A terminal never waits; a pipe may be locked.
Result<std::size_t> Console::write_some(int fd) {
    if (!terminal_)
        return workers_.write(fd, pending_, input_task_, [this](const Result<std::size_t>& written) {
            (void)take_off_input(written);
            flush_input();
        });
    const auto written = ::write(fd, pending_.data(), pending_.size());
    if (written < 0) return fail_errno(errno, "write to a terminal");
    return static_cast<std::size_t>(written);
}

/// Whether more can be written at once.
bool Console::take_off_input(const Result<std::size_t>& written) {
    if (written) {
        pending_.erase(0, *written);
        return true;
    }
    const int error = written.error().sys_errno;
    if (error == EAGAIN || error == EINPROGRESS) return false;
    if (error != EINTR && error != ECANCELED) pending_.clear();
    return true;
}

void Console::flush_input() {
    const int fd = input_fd();
    if (fd < 0 || input_task_.is_pending()) return;
    while (!pending_.empty() && take_off_input(write_some(fd))) {
    }
    if (const auto waiting = wait_for_input(); !waiting)
        log_error(std::format("a console takes no more input: {}", waiting.error().message));
    clients_.update_events();
}

/// For the container to take what it has not taken yet.
Result<> Console::wait_for_input() {
    if (terminal_) {
        wait_for_terminal();
        return {};
    }
    if (input_task_.is_pending() || pending_.empty()) input_source_.reset();
    if (input_task_.is_pending()) return {};
    if (pending_.empty()) {
        if (std::exchange(input_ending_, false)) {
            input_.reset();
            if (on_shrink_) on_shrink_();
        }
        return {};
    }
    if (!input_source_)
        input_source_ = TRY(loop_.add_io(input_.get(), EPOLLOUT, [this](std::uint32_t) { flush_input(); }));
    return {};
}

void Console::resize(api::Size size) {
    size_ = size;
    if (!terminal_) return;
    const winsize window{size.rows, size.columns, 0, 0};
    (void)::ioctl(terminal_.get(), TIOCSWINSZ, &window);
}

}  // namespace xctl::console
