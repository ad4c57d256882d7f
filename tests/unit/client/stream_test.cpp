// SPDX-License-Identifier: LGPL-2.1-or-later
// A console stream against a played daemon: a socket pair for the connection, pipes for the standard descriptors.
#include "client/stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <thread>

namespace xctl::client {
namespace {

using api::FrameKind;

struct Pipe {
    UniqueFd read_end, write_end;
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
    }
    std::string drain() {
        write_end.reset();
        std::string out(65536, '\0');
        const auto bytes = ::read(read_end.get(), out.data(), out.size());
        out.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
        return out;
    }
};

/// What the daemon says is all sent beforehand, which the socket's buffer holds.
class Console : public testing::Test {
protected:
    void SetUp() override { connect(); }

    void connect() {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        client_.reset(ends[0]);
        daemon_.reset(ends[1]);
    }

    void say(FrameKind kind, std::uint64_t offset, std::string_view payload = {}, std::uint8_t detail = 0) {
        const api::FrameHeader header{kind, detail, 0, static_cast<std::uint32_t>(payload.size()), offset, ++mark_};
        std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
        bytes += payload;
        ASSERT_EQ(::write(daemon_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }

    void say_end(std::uint64_t offset, const api::RunEnd& end) {
        say(FrameKind::run_end, offset, {reinterpret_cast<const char*>(&end), sizeof(end)});
    }

    Result<StreamOutcome> run() {
        RawTerminal terminal(in_.read_end.get());
        Stream stream(std::move(client_), mode_, state_, terminal,
                      {in_.read_end.get(), out_.write_end.get(), err_.write_end.get()});
        return stream.run();
    }

    std::vector<std::pair<FrameKind, std::string>> received() {
        FrameDecoder decoder;
        const auto space = decoder.space();
        const auto bytes = ::recv(daemon_.get(), space.data(), space.size(), MSG_DONTWAIT);
        decoder.filled(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
        std::vector<std::pair<FrameKind, std::string>> frames;
        while (const auto frame = decoder.next().value())
            frames.emplace_back(frame->header.kind, std::string(frame->payload.begin(), frame->payload.end()));
        return frames;
    }

    UniqueFd client_, daemon_;
    Pipe in_, out_, err_;
    StreamMode mode_{"web", true, true, false, "\x10\x11"};
    StreamState state_;
    std::uint64_t mark_ = 0;
};

TEST_F(Console, OutputGoesWhereItBelongs) {
    say(FrameKind::live, 0);
    say(FrameKind::output, 0, "one\n");
    say(FrameKind::output, 4, "oops\n", 1);
    say_end(9, {0, 1, 0, 3});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    EXPECT_EQ(state_.last_end->status, 3);
    EXPECT_EQ(state_.next, 9);
    EXPECT_EQ(state_.mark, 4);
    EXPECT_EQ(out_.drain(), "one\n");
    EXPECT_EQ(err_.drain(), "oops\n");
}

TEST_F(Console, WhileAnotherWritesNothingIsSent) {
    ASSERT_EQ(::write(in_.write_end.get(), "typed", 5), 5);
    in_.write_end.reset();
    say(FrameKind::role, 0);
    say(FrameKind::live, 0);
    say_end(0, {0, 1, 0, 0});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    EXPECT_FALSE(state_.writer);
    EXPECT_FALSE(state_.input_ended);
    EXPECT_TRUE(received().empty());
    EXPECT_NE(err_.drain().find("another client has the input"), std::string::npos);
}

TEST_F(Console, OneThatBecomesTheWriterSendsWhatWaited) {
    ASSERT_EQ(::write(in_.write_end.get(), "typed", 5), 5);
    say(FrameKind::role, 0);
    say(FrameKind::live, 0);
    say(FrameKind::role, 0, {}, 1);
    std::thread ending([&] {
        // When the input has come, the container ends.
        std::array<char, sizeof(api::FrameHeader) + 5> frame;
        EXPECT_EQ(::recv(daemon_.get(), frame.data(), frame.size(), MSG_WAITALL), static_cast<ssize_t>(frame.size()));
        EXPECT_EQ(std::string_view(frame.data() + sizeof(api::FrameHeader), 5), "typed");
        say_end(0, {0, 1, 0, 0});
    });
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    ending.join();
    EXPECT_TRUE(state_.writer);
}

TEST_F(Console, InputThatGoesNowhereIsNotSentAndTheUserIsTold) {
    ASSERT_EQ(::write(in_.write_end.get(), "typed", 5), 5);
    say(FrameKind::role, 0, {}, 2);
    say(FrameKind::live, 0);
    say_end(0, {0, 1, 0, 0});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    EXPECT_TRUE(received().empty());
    EXPECT_NE(err_.drain().find("the standard input of web is closed until its next start"), std::string::npos);
}

TEST_F(Console, AnUnknownRoleIsAnError) {
    say(FrameKind::role, 0, {}, 3);
    EXPECT_EQ(run().error().message, "xctld sent an unknown role");
}

TEST_F(Console, ANoteOnTheInputComesBehindTheReplay) {
    err_ = {};
    in_.write_end.reset();
    // Both go to one place, as on a terminal.
    out_.write_end.reset(::fcntl(err_.write_end.get(), F_DUPFD_CLOEXEC, 0));
    say(FrameKind::role, 0);
    say(FrameKind::output, 0, "old\n");
    say(FrameKind::live, 4);
    say(FrameKind::output, 4, "new\n");
    say_end(8, {0, 1, 0, 0});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    out_.write_end.reset();
    EXPECT_EQ(err_.drain(), "old\nxctl: another client has the input; xctl attach --steal takes it over\nnew\n");
}

TEST_F(Console, FollowingEndsWhenTheContainerHasStoppedForGood) {
    mode_ = {"web", false, false, false, "", true};
    say(FrameKind::live, 0);
    say_end(0, {0, 0, 0, 1});
    say(FrameKind::run_begin, 0);
    say(FrameKind::output, 0, "again\n");
    say_end(6, {0, 1, 0, 1});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    EXPECT_EQ(out_.drain(), "again\n");
    EXPECT_EQ(err_.drain(), "");
}

/// A client on a terminal, which shows what comes.
class ConsoleOnTerminal : public Console {
protected:
    void SetUp() override {
        Console::SetUp();
        std::array<int, 2> ends{-1, -1};
        const winsize size{24, 80, 0, 0};
        ASSERT_EQ(::openpty(&ends[0], &ends[1], nullptr, nullptr, &size), 0);
        screen_.reset(ends[0]);
        in_.read_end.reset(ends[1]);
        for (auto* end : {&out_.write_end, &err_.write_end}) end->reset(::fcntl(ends[1], F_DUPFD_CLOEXEC, 0));
        mode_.joins = true;
    }

    /// The sizes that it sends: so many, and those that come soon after.
    std::vector<int> rows(std::size_t count) {
        std::vector<int> out;
        std::thread ending([&] {
            pollfd state{daemon_.get(), POLLIN, 0};
            while (::poll(&state, 1, out.size() < count ? 60'000 : 300) > 0)
                for (const auto& [kind, payload] : received())
                    if (kind == FrameKind::resize) out.push_back(static_cast<unsigned char>(payload[0]));
            say_end(100, {0, 1, 0, 0});
        });
        EXPECT_EQ(run().value(), StreamOutcome::finished);
        ending.join();
        return out;
    }
    /// The kernel hands on what a terminal is written a little later, and in pieces.
    void expect_shown(std::string_view wanted) const {
        std::string out;
        pollfd ready{screen_.get(), POLLIN, 0};
        while (::poll(&ready, 1, out.size() < wanted.size() ? 60'000 : 0) > 0) {
            std::array<char, 4096> part;
            const auto got = ::read(screen_.get(), part.data(), part.size());
            if (got <= 0) break;
            out.append(part.data(), static_cast<std::size_t>(got));
        }
        EXPECT_EQ(out, wanted);
    }

    UniqueFd screen_;
};

TEST_F(ConsoleOnTerminal, APartOfARunMayBelongToAScreenThatIsDrawnAgain) {
    say(FrameKind::output, 10, "part");
    say(FrameKind::live, 14, {}, 1);
    const std::vector<int> wanted{24, 23, 24};
    EXPECT_EQ(rows(wanted.size()), wanted);
}

TEST_F(ConsoleOnTerminal, SoMayAWholeRunThatHasSetTheTerminal) {
    say(FrameKind::run_begin, 0, {}, 1);
    say(FrameKind::output, 0, "\x1b[?1049h");
    say(FrameKind::live, 8, {}, 1);
    const std::vector<int> wanted{24, 23, 24};
    EXPECT_EQ(rows(wanted.size()), wanted);
}

TEST_F(ConsoleOnTerminal, SoIsAScreenWithANoteOnIt) {
    for (const bool spoiled : {true, false}) {
        connect();
        state_ = StreamState();
        state_.next = 4;
        state_.was_live = true;
        state_.spoiled = spoiled;
        (void)state_.screen.show("\x1b[?1049h");
        say(FrameKind::live, 4, {}, 1);
        const auto wanted = spoiled ? std::vector<int>{24, 23, 24} : std::vector<int>{24};
        EXPECT_EQ(rows(wanted.size()), wanted);
    }
}

TEST_F(ConsoleOnTerminal, AShellIsLeftAlone) {
    say(FrameKind::run_begin, 0, {}, 1);
    say(FrameKind::output, 0, "\x1b[?2004h$ ");
    say(FrameKind::live, 10, {}, 1);
    EXPECT_EQ(rows(1), std::vector<int>{24});
}

TEST_F(ConsoleOnTerminal, OldQueriesAreLeftOutAndNewOnesAreAsked) {
    say(FrameKind::run_begin, 0, {}, 1);
    say(FrameKind::output, 0, "old\x1b[6n\r\n");
    say(FrameKind::live, 9, {}, 1);
    say(FrameKind::output, 9, "new\x1b[c");
    say_end(15, {0, 1, 0, 0});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    expect_shown("xctl: attached to web; Ctrl-P Ctrl-Q leaves\r\nold\r\r\nnew\x1b[c");
}

TEST_F(ConsoleOnTerminal, WhoSendsNoInputAsksForNothing) {
    mode_.input = false;
    say(FrameKind::output, 0, "old\x1b[6n");
    say(FrameKind::live, 7, {}, 1);
    say(FrameKind::output, 7, "new\x1b[c");
    say(FrameKind::end, 13);
    EXPECT_EQ(run().value(), StreamOutcome::ended);
    expect_shown("oldnew");
}

TEST_F(ConsoleOnTerminal, WhatWasMissedMeanwhileIsNew) {
    state_.next = 4;
    state_.was_live = true;
    (void)state_.screen.go_live();
    say(FrameKind::output, 4, "asked\x1b[6n");
    say(FrameKind::live, 13, {}, 1);
    say_end(13, {0, 1, 0, 0});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    expect_shown("asked\x1b[6n");
}

TEST_F(Console, NothingIsPrintedTwiceAfterALoss) {
    state_.next = 4;
    say(FrameKind::output, 0, "one\n");
    say(FrameKind::output, 2, "e\ntwo\n");
    daemon_.reset();
    EXPECT_EQ(run().value(), StreamOutcome::lost);
    EXPECT_EQ(out_.drain(), "two\n");
    EXPECT_EQ(state_.next, 8);
    EXPECT_EQ(err_.drain(), "");
}

TEST_F(Console, OutputThatWasNotWrittenIsKeptForTheNextConnection) {
    // More than the pipe takes, so that the loss is seen while output waits.
    const std::string block(16 * 1024, 'x');
    for (std::uint64_t i = 0; i < 8; ++i) say(FrameKind::output, i * block.size(), block);
    daemon_.reset();
    EXPECT_EQ(::fcntl(out_.write_end.get(), F_SETPIPE_SZ, 4096), 4096);
    std::string printed;
    std::thread reader([&] {
        std::array<char, 1000> buffer;
        for (ssize_t n = 0; (n = ::read(out_.read_end.get(), buffer.data(), buffer.size())) > 0;)
            printed.append(buffer.data(), static_cast<std::size_t>(n));
    });
    EXPECT_EQ(run().value(), StreamOutcome::lost);
    out_.write_end.reset();
    reader.join();
    EXPECT_EQ(state_.next, printed.size() + state_.unwritten.size());
}

TEST_F(Console, GapsAreTold) {
    state_.next = 0;
    say(FrameKind::gap, 500);
    say(FrameKind::output, 500, "x");
    say(FrameKind::output, 600, "y");
    say(FrameKind::end, 601);
    EXPECT_EQ(run().value(), StreamOutcome::ended);
    EXPECT_EQ(out_.drain(), "xy");
    EXPECT_EQ(err_.drain(), "xctl: 500 bytes of output were lost\nxctl: 99 bytes of output were lost\n");
}

TEST_F(Console, AnOldRunsEndIsNotTheLastWord) {
    say_end(0, {0, 1, 0, 1});
    say(FrameKind::run_begin, 0);
    say(FrameKind::live, 0);
    say_end(0, {1, 0, 0, 9});
    say(FrameKind::run_begin, 0);
    say_end(0, {0, 1, 0, 5});
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    EXPECT_EQ(state_.last_end->status, 5);
    EXPECT_EQ(err_.drain(), "xctl: web was ended by signal 9; it will be started again\n");
}

TEST_F(Console, AStoppedContainerIsFinishedWhenReplayed) {
    say(FrameKind::output, 0, "bye\n");
    say_end(4, {0, 1, 0, 2});
    say(FrameKind::live, 4);
    EXPECT_EQ(run().value(), StreamOutcome::finished);
    EXPECT_EQ(out_.drain(), "bye\n");
}

TEST_F(Console, InputFollowsTheStart) {
    mode_.before_start = true;
    ASSERT_EQ(::write(in_.write_end.get(), "hi\n", 3), 3);
    in_.write_end.reset();
    const pid_t child = ::fork();
    if (child == 0) {
        say(FrameKind::live, 0);
        ::usleep(100'000);
        const bool early = !received().empty();
        say(FrameKind::run_begin, 0);
        std::vector<std::pair<FrameKind, std::string>> frames;
        pollfd state{daemon_.get(), POLLIN, 0};
        while (frames.size() < 2 && ::poll(&state, 1, 60'000) > 0)
            for (auto& frame : received()) frames.push_back(std::move(frame));
        const bool right =
            frames.size() == 2 && frames[0].second == "hi\n" && frames[1].first == FrameKind::end_of_input;
        ::_exit(early || !right ? 1 : 0);
    }
    daemon_.reset();
    EXPECT_EQ(run().value(), StreamOutcome::lost);
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(state_.input_ended);
}

TEST_F(Console, WhatWasNotTakenIsSentToTheNextConnection) {
    append_frame(state_.unsent, FrameKind::input, "typed");
    state_.input_ended = true;
    say(FrameKind::live, 0);
    say(FrameKind::end, 0);
    EXPECT_EQ(run().value(), StreamOutcome::ended);
    const std::vector<std::pair<FrameKind, std::string>> wanted{{FrameKind::input, "typed"}};
    EXPECT_EQ(received(), wanted);
}

/// With `run`, what is new begins before the terminal exists: the start of the run tells.
TEST_F(Console, ATerminalMayComeWithTheRun) {
    int master = -1;
    int slave = -1;
    const winsize size{31, 77, 0, 0};
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    const UniqueFd keep(master);
    in_.read_end.reset(slave);
    termios before{}, after{};
    ASSERT_EQ(::tcgetattr(slave, &before), 0);
    say(FrameKind::live, 0);
    say(FrameKind::run_begin, 0, {}, 1);
    daemon_.reset();
    EXPECT_EQ(run().value(), StreamOutcome::lost);
    std::string wanted;
    append_resize(wanted, {31, 77});
    EXPECT_EQ(state_.unsent, wanted);
    ASSERT_EQ(::tcgetattr(slave, &after), 0);
    EXPECT_EQ(before.c_lflag, after.c_lflag);
}

TEST_F(Console, MalformedFramesAreErrors) {
    say(FrameKind::input, 0);
    EXPECT_FALSE(run());
}

TEST_F(Console, AReaderThatLeavesEndsIt) {
    out_.read_end.reset();
    say(FrameKind::output, 0, "x");
    EXPECT_EQ(run().value(), StreamOutcome::signaled);
}

}  // namespace
}  // namespace xctl::client
