// SPDX-License-Identifier: LGPL-2.1-or-later
// What the ring promises: a SIGKILL of its process at any moment neither loses nor doubles a byte.
//
// A child plays the daemon. It is killed again and again while this process prints numbered lines, and each next
// child opens the ring and goes on. The moments are random on purpose, so the children are not waited for.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <random>

#include "daemon/console/console.hpp"
#include "tests/unit/daemon/ring/console_pieces.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::console {
namespace {

using namespace test;

constexpr int kKills = 200;
constexpr unsigned kKillSeed = 4711;

/// Numbered lines without end; remembers what it wrote.
class Printer {
public:
    Printer(int fd, std::string_view prefix) : fd_(fd), prefix_(prefix) {
        EXPECT_EQ(::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK), 0);
    }

    /// Lines are cut anywhere, since a container may write as it likes. Less than `size` when the pipe is full.
    void print(std::size_t size) {
        while (text_.size() < written_ + size) text_ += std::format("{} {}\n", prefix_, next_++);
        const auto sent = ::write(fd_, text_.data() + written_, size);
        ASSERT_TRUE(sent > 0 || errno == EAGAIN);
        if (sent > 0) written_ += static_cast<std::size_t>(sent);
    }
    [[nodiscard]] std::string_view written() const { return std::string_view(text_).substr(0, written_); }

private:
    int fd_;
    std::string_view prefix_;
    std::string text_;
    std::size_t written_ = 0;
    std::size_t next_ = 0;
};

/// Forks `daemon`, lets `work` go on beside it, kills it; that many times over, or up to ten times as often until
/// `printer` has printed so many bytes: on a busy machine some are killed before they read.
void kill_repeatedly(std::mt19937& random, const std::function<void()>& daemon, const std::function<void()>& work,
                     const Printer& printer, std::size_t bytes) {
    for (int i = 0; i < kKills || (i < 10 * kKills && printer.written().size() <= bytes); ++i) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            daemon();
            ::_exit(1);
        }
        for (auto rounds = random() % 40; rounds > 0 && !testing::Test::HasFailure(); --rounds) work();
        ::usleep(static_cast<useconds_t>(random() % 1000));
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself, with status " << WEXITSTATUS(status);
        // As systemd does before it starts the next one: nothing of this one is left.
        while (::waitpid(-1, nullptr, __WALL) > 0) {
        }
    }
}

/// Returns when every pipe is at its end.
void pull_all(int directory, std::vector<std::pair<int, ring::Ring::MarkKind>> pipes) {
    auto ring = open_ring(directory, 4096);
    while (!pipes.empty()) {
        std::vector<pollfd> polls;
        for (const auto& [fd, kind] : pipes) polls.push_back({fd, POLLIN, 0});
        (void)::poll(polls.data(), polls.size(), -1);
        for (std::size_t i = polls.size(); i-- > 0;) {
            if (polls[i].revents == 0) continue;
            const auto moved = ring::Ring::pull(pipes[i].first, ring.prepare(pipes[i].second));
            if (moved && *moved == 0) pipes.erase(pipes.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
}

class RingKillTest : public testing::Test {
protected:
    RingKillTest() : trace_(__FILE__, __LINE__, std::format("seed {}", kKillSeed)) {
        // The children's children become ours.
        EXPECT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    }

    void expect_written(std::string_view written) {
        const auto ring = open_ring(directory_.fd(), 4096);
        ASSERT_EQ(ring.end(), written.size());
        // Compared as a whole: that every line is there once, and in order, follows.
        EXPECT_TRUE(content(ring, ring.begin()) == written.substr(ring.begin()));
    }

    testing::ScopedTrace trace_;
    TemporaryDirectory directory_;
    std::mt19937 random_{kKillSeed};
};

TEST_F(RingKillTest, EveryLineIsThereOnce) {
    (void)open_ring(directory_.fd(), 64 << 20);
    Pipe pipe;
    Printer printer(pipe.write_end.get(), "line");
    const int from = pipe.read_end.get();
    kill_repeatedly(
        random_, [&] { pull_all(directory_.fd(), {{from, kOut}}); }, [&] { printer.print(1 + random_() % 10'000); },
        printer, 1 << 20);
    pipe.write_end.reset();
    pull_all(directory_.fd(), {{from, kOut}});
    EXPECT_GT(printer.written().size(), 1u << 20);
    EXPECT_LE(printer.written().size(), 64u << 20);
    expect_written(printer.written());
}

TEST_F(RingKillTest, TheEndOfTheFileIsNoSpecialMoment) {
    (void)open_ring(directory_.fd(), 8192);  // so small that nearly every pull wraps
    Pipe pipe;
    Printer printer(pipe.write_end.get(), "line");
    const int from = pipe.read_end.get();
    kill_repeatedly(
        random_, [&] { pull_all(directory_.fd(), {{from, kOut}}); }, [&] { printer.print(1 + random_() % 10'000); },
        printer, 1 << 20);
    pipe.write_end.reset();
    pull_all(directory_.fd(), {{from, kOut}});
    expect_written(printer.written());
}

TEST_F(RingKillTest, StreamsStayApart) {
    (void)open_ring(directory_.fd(), 64 << 20);
    Pipe out, err;
    Printer out_printer(out.write_end.get(), "out"), err_printer(err.write_end.get(), "err");
    const std::vector<std::pair<int, ring::Ring::MarkKind>> pipes{{out.read_end.get(), kOut},
                                                                  {err.read_end.get(), kErr}};
    kill_repeatedly(
        random_, [&] { pull_all(directory_.fd(), pipes); },
        [&] { (random_() % 2 == 0 ? out_printer : err_printer).print(1 + random_() % 5000); }, err_printer, 100'000);
    out.write_end.reset();
    err.write_end.reset();
    pull_all(directory_.fd(), pipes);

    const auto ring = open_ring(directory_.fd(), 4096);
    EXPECT_EQ(ring.end(), out_printer.written().size() + err_printer.written().size());
    std::string seen_out, seen_err;
    auto cursor = ring::ConsoleCursor::at(ring, ring.begin());
    for (const auto& item : read_items(ring, cursor))
        (item.starts_with("out:") ? seen_out : seen_err) += item.substr(4);
    EXPECT_EQ(seen_out.size() + seen_err.size(), ring.end() - ring.begin());
    EXPECT_TRUE(out_printer.written().ends_with(seen_out));
    EXPECT_TRUE(err_printer.written().ends_with(seen_err));
}

struct Terminal {
    UniqueFd master, slave;

    Terminal() : master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {
        EXPECT_EQ(::grantpt(master.get()), 0);
        EXPECT_EQ(::unlockpt(master.get()), 0);
        slave.reset(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        termios mode{};
        EXPECT_EQ(::tcgetattr(slave.get(), &mode), 0);
        ::cfmakeraw(&mode);
        EXPECT_EQ(::tcsetattr(slave.get(), TCSANOW, &mode), 0);
    }
};

/// Descriptors that are parked, by what they are.
using Parked = std::vector<std::pair<ConsoleRole, int>>;

/// The console of a daemon that has just taken over a run; goes on until the ring's end is `end`.
void serve(int directory, const Parked& parked, std::uint64_t end) {
    auto loop = kernel::EventLoop::open().value();
    PipeWorkers workers(loop);
    Console console(loop, workers, open_ring(directory, 4096));
    std::vector<std::pair<ConsoleRole, UniqueFd>> held;
    for (const auto& [role, fd] : parked) held.emplace_back(role, ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!console.adopt(std::move(held))) ::abort();
    while (console.ring().end() < end && sd_event_run(loop.get(), 10'000'000) > 0) {
    }
}

constexpr auto kNoEnd = std::numeric_limits<std::uint64_t>::max();

TEST_F(RingKillTest, WhatPipeWorkersMoveIsThereOnce) {
    (void)open_ring(directory_.fd(), 16 << 20);
    const Pipe pipe;
    const Parked parked{{ConsoleRole::standard_output, pipe.read_end.get()}};
    ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
    Printer printer(pipe.write_end.get(), "line");
    kill_repeatedly(
        random_, [&] { serve(directory_.fd(), parked, kNoEnd); }, [&] { printer.print(1 + random_() % 10'000); },
        printer, 1 << 20);
    EXPECT_GT(printer.written().size(), 1u << 20);
    serve(directory_.fd(), parked, printer.written().size());
    expect_written(printer.written());
}

TEST_F(RingKillTest, ATerminalsBytesSurviveOnTheirWay) {
    (void)open_ring(directory_.fd(), 16 << 20);
    const Terminal terminal;
    const Pipe transit;
    const Parked parked{{ConsoleRole::terminal, terminal.master.get()},
                        {ConsoleRole::transit_read, transit.read_end.get()},
                        {ConsoleRole::transit_write, transit.write_end.get()}};
    Printer printer(terminal.slave.get(), "line");
    kill_repeatedly(
        random_, [&] { serve(directory_.fd(), parked, kNoEnd); }, [&] { printer.print(1 + random_() % 2000); }, printer,
        100'000);
    EXPECT_GT(printer.written().size(), 100'000u);
    serve(directory_.fd(), parked, printer.written().size());
    expect_written(printer.written());
}

}  // namespace
}  // namespace xctl::console
