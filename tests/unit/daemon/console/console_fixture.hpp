// SPDX-License-Identifier: LGPL-2.1-or-later
// A console in a real event loop, with the container's ends of its descriptors and viewers over socket pairs.
#pragma once

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>

#include "daemon/console/console.hpp"
#include "tests/unit/daemon/ring/console_pieces.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::test {

/// All that `fd` has at this moment. `ended` tells whether that was its end.
inline std::string read_available(int fd, bool* ended = nullptr) {
    std::string out;
    char buffer[32 * 1024];
    while (true) {
        const auto got = ::read(fd, buffer, sizeof buffer);
        if (got <= 0) {
            if (ended != nullptr) *ended = got == 0 || errno == ECONNRESET;
            return out;
        }
        out.append(buffer, static_cast<std::size_t>(got));
    }
}

inline void set_nonblocking(int fd) { ASSERT_EQ(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK), 0); }

/// The client's end of an attachment.
class Viewer {
public:
    explicit Viewer(UniqueFd socket) : socket_(std::move(socket)) {}

    [[nodiscard]] int fd() const { return socket_.get(); }
    void leave() { socket_.reset(); }
    void end_sending() const { ASSERT_EQ(::shutdown(socket_.get(), SHUT_WR), 0); }

    void send(std::string_view bytes) const {
        ASSERT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    static std::string frame(api::FrameKind kind, std::string_view payload = {}) {
        const api::FrameHeader header{kind, 0, 0, static_cast<std::uint32_t>(payload.size()), 0, 0};
        return std::string(reinterpret_cast<const char*>(&header), sizeof header) + std::string(payload);
    }
    static std::string resize_frame(api::Size size) {
        return frame(api::FrameKind::resize, {reinterpret_cast<const char*>(&size), sizeof size});
    }

    std::string read_plain() { return read_available(socket_.get(), &ended_); }

    struct Frame {
        api::FrameHeader header;
        std::string payload;
    };
    std::vector<Frame> read_frames() {
        received_ += read_available(socket_.get(), &ended_);
        std::vector<Frame> frames;
        std::size_t at = 0;
        for (Frame frame; received_.size() - at >= sizeof frame.header; frames.push_back(frame)) {
            std::memcpy(&frame.header, received_.data() + at, sizeof frame.header);
            if (received_.size() - at < sizeof frame.header + frame.header.length) break;
            frame.payload = received_.substr(at + sizeof frame.header, frame.header.length);
            at += sizeof frame.header + frame.header.length;
        }
        received_.erase(0, at);
        return frames;
    }
    /// Frames as words with their offsets: "out@0:text", "err@4:text", "begin@0", "end-of-run@9:0,3,final".
    std::vector<std::string> read_words() {
        std::vector<std::string> words;
        for (const auto& frame : read_frames()) words.push_back(to_word(frame));
        return words;
    }
    [[nodiscard]] bool ended() const { return ended_; }

    static std::string to_word(const Frame& frame) {
        const auto& [header, payload] = frame;
        switch (header.kind) {
            case api::FrameKind::output:
                return std::format("{}@{}:{}", header.detail == 1 ? "err" : "out", header.offset, payload);
            case api::FrameKind::gap: return std::format("gap@{}", header.offset);
            case api::FrameKind::run_begin: return std::format("begin@{}", header.offset);
            case api::FrameKind::live: return std::format("live@{}{}", header.offset, header.detail == 1 ? ":tty" : "");
            case api::FrameKind::end: return std::format("end@{}", header.offset);
            case api::FrameKind::role: {
                static constexpr std::array kRoles{"waiting", "writer", "writer to nobody"};
                return kRoles.at(header.detail);
            }
            case api::FrameKind::run_end: {
                api::RunEnd end{};
                EXPECT_EQ(payload.size(), sizeof end);
                std::memcpy(&end, payload.data(), std::min(payload.size(), sizeof end));
                return std::format("end-of-run@{}:{},{}{}", header.offset, end.signaled, end.status,
                                   end.final == 1 ? ",final" : "");
            }
            default: return "a frame that only clients send";
        }
    }

private:
    UniqueFd socket_;
    std::string received_;
    bool ended_ = false;
};

class ConsoleFixture : public testing::Test {
protected:
    ConsoleFixture() {
        // As the daemon does.
        std::signal(SIGPIPE, SIG_IGN);
        make_console(64 * 1024);
    }

    void make_console(std::uint64_t size) {
        console_.reset();
        (void)::unlinkat(directory_.fd(), "console", 0);
        console_ = std::make_unique<console::Console>(loop_, workers_, open_ring(directory_.fd(), size));
    }

    /// Handles all that is ready now. Between sockets and pipes nothing arrives later by itself, but on a busy machine a
    /// pipe worker may be late.
    void settle() {
        int turns = 0;
        while (sd_event_run(loop_.get(), 0) > 0) ASSERT_LT(++turns, 100'000) << "the loop spins";
        if (are_pipes_locked_ || !console_->is_late()) return;
        wait_for([this] { return !console_->is_late(); });
        settle();
    }
    /// For terminals, whose bytes the kernel passes on when it pleases.
    void wait_for(const std::function<bool()>& condition) {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!condition()) {
            ASSERT_LT(std::chrono::steady_clock::now(), give_up);
            ASSERT_GE(sd_event_run(loop_.get(), 100'000), 0);
        }
    }

    void begin_pipes() {
        auto ends = console_->open_pipes().value();
        in_ = std::move(ends[0]);
        out_ = std::move(ends[1]);
        err_ = std::move(ends[2]);
        for (const auto* fd : {&in_, &out_, &err_}) set_nonblocking(fd->get());
        console_->mark_run_begin(false);
    }
    void end_pipes(int status, bool final = true) {
        out_.reset();
        err_.reset();
        in_.reset();
        console_->close_run();
        console_->mark_run_end({model::ExitReason::exited, status}, final);
    }
    void begin_terminal() {
        ASSERT_TRUE(console_->open_terminal());
        console_->mark_run_begin(false);
        UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        ASSERT_EQ(::grantpt(master.get()), 0);
        ASSERT_EQ(::unlockpt(master.get()), 0);
        in_.reset(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
        ASSERT_TRUE(in_);
        termios mode{};
        ASSERT_EQ(::tcgetattr(in_.get(), &mode), 0);
        ::cfmakeraw(&mode);
        ASSERT_EQ(::tcsetattr(in_.get(), TCSANOW, &mode), 0);
        ASSERT_TRUE(console_->set_terminal(std::move(master)));
    }

    /// The container prints; the pipe takes it all at once or the test has failed.
    void print(const UniqueFd& fd, std::string_view text) {
        ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        settle();
    }

    Viewer attach(console::ConsoleClient::Options options, bool steal = false) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
        EXPECT_TRUE(console_->attach(UniqueFd(ends[0]), std::move(options), steal));
        settle();
        return Viewer(UniqueFd(ends[1]));
    }
    static console::ConsoleClient::Options framed() {
        console::ConsoleClient::Options options;
        options.framed = true;
        return options;
    }

    TemporaryDirectory directory_;
    kernel::EventLoop loop_ = kernel::EventLoop::open().value();
    console::PipeWorkers workers_{loop_};
    std::unique_ptr<console::Console> console_;
    UniqueFd in_, out_, err_;  // the container's ends; of a terminal, `in_` is the slave
    bool are_pipes_locked_ = false;
};

}  // namespace xctl::test
