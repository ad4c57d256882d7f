// SPDX-License-Identifier: LGPL-2.1-or-later
// What goes to the container, its terminal, and what a console hands to the next daemon.
#include "daemon/console/console.hpp"

#include <algorithm>

#include "tests/unit/daemon/console/console_fixture.hpp"

namespace xctl::console {
namespace {

using namespace test;
using api::FrameKind;
using Words = std::vector<std::string>;

class ConsoleTest : public ConsoleFixture {
protected:
    std::string read_input(bool* ended = nullptr) { return read_available(in_.get(), ended); }

    void send(Viewer& viewer, std::string_view bytes) {
        viewer.send(bytes);
        settle();
    }
};

TEST_F(ConsoleTest, InputReachesTheContainer) {
    begin_pipes();
    auto viewer = attach(framed());
    send(viewer, Viewer::frame(FrameKind::input, "hello "));
    send(viewer, Viewer::frame(FrameKind::input, "world"));
    EXPECT_EQ(read_input(), "hello world");
    bool ended = false;
    send(viewer, Viewer::frame(FrameKind::input, "bye") + Viewer::frame(FrameKind::end_of_input));
    EXPECT_EQ(read_input(&ended), "bye");
    EXPECT_TRUE(ended);
}

TEST_F(ConsoleTest, FramesMayComeInPieces) {
    begin_pipes();
    auto viewer = attach(framed());
    const auto bytes = Viewer::frame(FrameKind::input, "split") + Viewer::frame(FrameKind::input) +
                       Viewer::frame(FrameKind::input, " up") + Viewer::frame(FrameKind::end_of_input);
    for (const char byte : bytes) send(viewer, {&byte, 1});
    bool ended = false;
    EXPECT_EQ(read_input(&ended), "split up");
    EXPECT_TRUE(ended);
}

TEST_F(ConsoleTest, APlainClientsBytesAreInput) {
    begin_pipes();
    auto viewer = attach({});
    send(viewer, "typed");
    EXPECT_EQ(read_input(), "typed");
    viewer.end_sending();
    settle();
    bool ended = false;
    EXPECT_EQ(read_input(&ended), "");
    EXPECT_TRUE(ended);
    print(out_, "answer");
    EXPECT_EQ(viewer.read_plain(), "answer");
}

TEST_F(ConsoleTest, InputWaitsForTheContainerToReadAndKeepsItsOrder) {
    begin_pipes();
    auto viewer = attach(framed());
    const auto text = numbered_lines(0, 100'000);
    std::size_t sent = 0;
    std::string unsent, seen;
    bool was_held_up = false;
    while (seen.size() < text.size()) {
        if (unsent.empty() && sent < text.size()) {
            const auto part = std::string_view(text).substr(sent, 40'000);
            unsent = Viewer::frame(FrameKind::input, part);
            sent += part.size();
        }
        const auto taken = ::send(viewer.fd(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
        settle();
        if (taken > 0) {
            unsent.erase(0, static_cast<std::size_t>(taken));
            if (!unsent.empty() || sent < text.size()) continue;
        }
        // Only when nothing more goes in does the container read, so all buffers on the way were full.
        was_held_up = was_held_up || taken < 0;
        seen += read_input();
        settle();
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_TRUE(was_held_up);
    EXPECT_TRUE(seen == text);
}

TEST_F(ConsoleTest, InputBeforeTheStartWaitsForIt) {
    auto viewer = attach(framed());
    send(viewer, Viewer::frame(FrameKind::input, "early"));
    begin_pipes();
    settle();
    EXPECT_EQ(read_input(), "early");
}

TEST_F(ConsoleTest, InputOfOneRunIsNotTheNextOnes) {
    begin_pipes();
    auto viewer = attach(framed());
    in_.reset();
    send(viewer, Viewer::frame(FrameKind::input, "to nobody"));
    end_pipes(0);
    begin_pipes();
    settle();
    EXPECT_EQ(read_input(), "");
    send(viewer, Viewer::frame(FrameKind::input, "to the second"));
    EXPECT_EQ(read_input(), "to the second");
}

TEST_F(ConsoleTest, EachRunHasItsOwnEndOfInput) {
    begin_pipes();
    auto viewer = attach(framed());
    send(viewer, Viewer::frame(FrameKind::end_of_input));
    end_pipes(0, false);
    begin_pipes();
    auto next = attach(framed());
    send(next, Viewer::frame(FrameKind::input, "again"));
    bool ended = false;
    EXPECT_EQ(read_input(&ended), "again");
    EXPECT_FALSE(ended);
}

TEST_F(ConsoleTest, WhatWasTypedBeforeLeavingCounts) {
    begin_pipes();
    for (const bool is_framed : {true, false}) {
        ConsoleClient::Options options;
        options.framed = is_framed;
        auto viewer = attach(options);
        viewer.send(is_framed ? Viewer::frame(FrameKind::input, "last words") : "last words");
        viewer.leave();
        settle();
        bool ended = false;
        EXPECT_EQ(read_input(&ended), "last words");
        EXPECT_FALSE(ended) << "leaving is not the end of input";
        EXPECT_EQ(console_->clients().count(), 0u);
    }
}

TEST_F(ConsoleTest, AnObserverCannotWrite) {
    begin_pipes();
    for (const bool is_framed : {true, false}) {
        ConsoleClient::Options options;
        options.framed = is_framed;
        options.observe = true;
        auto viewer = attach(options);
        send(viewer, is_framed ? Viewer::frame(FrameKind::input, "x") + Viewer::frame(FrameKind::end_of_input) : "x");
        bool ended = false;
        EXPECT_EQ(read_input(&ended), "");
        if (!is_framed) viewer.end_sending();
        settle();
        EXPECT_EQ(read_input(&ended), "");
        EXPECT_FALSE(ended);
        EXPECT_EQ(console_->clients().count(), 1u);
        print(out_, "seen");
        const auto seen = viewer.read_plain();
        EXPECT_TRUE(seen.ends_with("seen"));
        if (is_framed) viewer.send(Viewer::frame(FrameKind::input, "last words"));
        viewer.leave();
        settle();
        EXPECT_EQ(read_input(&ended), "");
    }
}

TEST_F(ConsoleTest, AClientThatBreaksTheFramesIsDetached) {
    begin_pipes();
    const api::FrameHeader too_long{FrameKind::input, 0, 0, api::kMaxFramePayload + 1, 0, 0};
    const std::string bad[]{
        Viewer::frame(FrameKind::output, "x"),
        Viewer::frame(FrameKind::live),
        Viewer::frame(static_cast<FrameKind>(200)),
        Viewer::frame(FrameKind::resize, "abc"),
        std::string(reinterpret_cast<const char*>(&too_long), sizeof too_long),
    };
    for (const auto& bytes : bad) {
        auto viewer = attach(framed());
        send(viewer, Viewer::frame(FrameKind::input, "ok") + bytes + Viewer::frame(FrameKind::input, "not read"));
        EXPECT_EQ(console_->clients().count(), 0u);
        EXPECT_EQ(read_input(), "ok");
        (void)viewer.read_words();
        EXPECT_TRUE(viewer.ended());
    }
}

TEST_F(ConsoleTest, CloseTakesInWhatWasPrinted) {
    begin_pipes();
    auto viewer = attach(framed());
    ASSERT_EQ(::write(out_.get(), "last", 4), 4);
    // Another process still holds the other ends, so the end of the file does not come.
    console_->close_run();
    console_->mark_run_end({model::ExitReason::exited, 0}, true);
    settle();
    const Words wanted{"begin@0", "live@0", "out@0:last", "end-of-run@4:0,0,final"};
    EXPECT_EQ(viewer.read_words(), wanted);
    EXPECT_EQ(::write(out_.get(), "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
    EXPECT_TRUE(console_->held().empty());
}

TEST_F(ConsoleTest, ListenersAreTold) {
    int added = 0, shrunk = 0;
    auto seen = std::pair(console_->ring().end(), console_->ring().mark_count());
    // Told once more without anything new when a pipe worker was late.
    console_->set_listener([&] {
        const auto now = std::pair(console_->ring().end(), console_->ring().mark_count());
        if (std::exchange(seen, now) != now) ++added;
    });
    console_->set_shrink_listener([&] {
        ++shrunk;
        const auto held = console_->held();
        EXPECT_TRUE(std::ranges::none_of(held, [](const auto& h) { return h.role == ConsoleRole::standard_input; }));
    });
    begin_pipes();
    EXPECT_EQ(added, 1);
    print(out_, "x");
    EXPECT_EQ(added, 2);
    console_->end_input(false);
    EXPECT_EQ(shrunk, 1);
    console_->end_input(false);
    EXPECT_EQ(shrunk, 1);
}

std::vector<std::pair<ConsoleRole, UniqueFd>> duplicates(const Console& console) {
    std::vector<std::pair<ConsoleRole, UniqueFd>> out;
    for (const auto& [role, fd] : console.held()) out.emplace_back(role, UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
    return out;
}

TEST_F(ConsoleTest, TheNextDaemonGoesOn) {
    begin_pipes();
    print(out_, "one ");
    auto held = duplicates(*console_);
    EXPECT_EQ(held.size(), 3u);
    console_.reset();
    ASSERT_EQ(::write(out_.get(), "two ", 4), 4);
    ASSERT_EQ(::write(err_.get(), "oops ", 5), 5);
    console_ = std::make_unique<Console>(loop_, workers_, open_ring(directory_.fd(), 4096));
    ASSERT_TRUE(console_->adopt(std::move(held)));
    settle();
    auto viewer = attach(framed());
    print(out_, "three");
    send(viewer, Viewer::frame(FrameKind::input, "typed"));
    EXPECT_EQ(read_input(), "typed");
    const Words wanted{"begin@0", "out@0:one two ", "err@8:oops ", "live@13", "out@13:three"};
    EXPECT_EQ(viewer.read_words(), wanted);
}

class TerminalTest : public ConsoleTest {
protected:
    void SetUp() override { begin_terminal(); }

    /// What the viewer got until its text is as long as `size`.
    std::string wait_for_output(Viewer& viewer, std::size_t size) {
        std::string text;
        wait_for([&] {
            for (const auto& [header, payload] : viewer.read_frames())
                if (header.kind == FrameKind::output) text += payload;
            return text.size() >= size;
        });
        return text;
    }
};

TEST_F(TerminalTest, OutputAndInput) {
    auto viewer = attach(framed());
    const Words wanted{"begin@0", "live@0:tty"};
    EXPECT_EQ(viewer.read_words(), wanted);
    EXPECT_TRUE(console_->has_terminal());
    ASSERT_EQ(::write(in_.get(), "prompt", 6), 6);
    EXPECT_EQ(wait_for_output(viewer, 6), "prompt");
    send(viewer, Viewer::frame(FrameKind::input, "typed"));
    std::string typed;
    wait_for([&] { return (typed += read_input()).size() >= 5; });
    EXPECT_EQ(typed, "typed");
}

/// The terminal is full before anybody reads, and no further byte comes to wake the console.
TEST_F(TerminalTest, InputWaitsForALateReaderAndArrivesWhole) {
    auto viewer = attach(framed());
    const auto text = numbered_lines(0, 100'000);
    std::string unsent;
    for (std::size_t at = 0; at < text.size(); at += 40'000)
        unsent += Viewer::frame(FrameKind::input, std::string_view(text).substr(at, 40'000));
    const auto send_some = [&] {
        const auto taken = ::send(viewer.fd(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
        if (taken > 0) unsent.erase(0, static_cast<std::size_t>(taken));
        settle();
        return taken > 0;
    };
    while (send_some()) {
    }
    EXPECT_FALSE(unsent.empty()) << "nothing has held it up";
    std::string seen;
    wait_for([&] {
        seen += read_input();
        if (!unsent.empty()) (void)send_some();
        return seen.size() >= text.size();
    });
    EXPECT_TRUE(seen == text);
}

TEST_F(TerminalTest, Resize) {
    auto viewer = attach(framed());
    send(viewer, Viewer::resize_frame({33, 101}));
    winsize size{};
    ASSERT_EQ(::ioctl(in_.get(), TIOCGWINSZ, &size), 0);
    EXPECT_EQ(size.ws_row, 33);
    EXPECT_EQ(size.ws_col, 101);
    auto options = framed();
    options.observe = true;
    auto observer = attach(options);
    send(observer, Viewer::resize_frame({1, 1}));
    ASSERT_EQ(::ioctl(in_.get(), TIOCGWINSZ, &size), 0);
    EXPECT_EQ(size.ws_row, 33);
}

winsize size_of(const UniqueFd& terminal) {
    winsize size{};
    EXPECT_EQ(::ioctl(terminal.get(), TIOCGWINSZ, &size), 0);
    return size;
}

TEST_F(TerminalTest, ItHasTheSizeOfTheClientThatWrites) {
    auto options = framed();
    options.size = {41, 123};
    auto viewer = attach(options);
    EXPECT_EQ(size_of(in_).ws_row, 41);
    EXPECT_EQ(size_of(in_).ws_col, 123);
    options.size = {10, 20};
    auto next = attach(options);
    EXPECT_EQ(size_of(in_).ws_row, 41) << "the next does not write yet";
    send(next, Viewer::resize_frame({11, 22}));
    viewer.leave();
    settle();
    EXPECT_EQ(size_of(in_).ws_row, 11) << "the size that it said last";
    EXPECT_EQ(size_of(in_).ws_col, 22);
}

TEST_F(ConsoleTest, ATerminalHasItsSizeBeforeTheProgramRuns) {
    auto options = framed();
    options.size = {41, 123};
    auto viewer = attach(options);
    begin_terminal();
    EXPECT_EQ(size_of(in_).ws_row, 41);
    EXPECT_EQ(size_of(in_).ws_col, 123);
}

TEST_F(TerminalTest, EndOfInputEndsThatOfTheClientOnly) {
    auto viewer = attach(framed());
    send(viewer, Viewer::frame(FrameKind::end_of_input));
    send(viewer, Viewer::frame(FrameKind::input, "not read"));
    auto next = attach(framed());
    send(next, Viewer::frame(FrameKind::input, "x"));
    std::string typed;
    wait_for([&] { return !(typed += read_input()).empty(); });
    EXPECT_EQ(typed, "x");
}

/// In a terminal the end of input is a key, as termios(3) has it; the next client goes on behind it.
TEST_F(TerminalTest, TheEndOfWhatWasTypedIsTyped) {
    const auto type = [this](std::string_view text) {
        auto viewer = attach(framed());
        send(viewer, Viewer::frame(FrameKind::input, text) + Viewer::frame(FrameKind::end_of_input));
        return viewer;
    };
    auto first = type("line\n");
    auto second = type("part");
    auto third = type("\r");
    std::string typed;
    wait_for([&] { return (typed += read_input()).size() >= 13; });
    EXPECT_EQ(typed, "line\n\x04part\x04\x04\r\x04");
}

TEST_F(ConsoleTest, WhatWasTypedBeforeTheTerminalCameEndsInIt) {
    auto viewer = attach(framed());
    send(viewer, Viewer::frame(FrameKind::input, "early\n") + Viewer::frame(FrameKind::end_of_input));
    begin_terminal();
    std::string typed;
    wait_for([&] { return (typed += read_input()).size() >= 7; });
    EXPECT_EQ(typed, "early\n\x04");
}

TEST_F(TerminalTest, ClosedByTheContainerItWaitsForTheNextToOpenIt) {
    auto viewer = attach(framed());
    const std::string name = ::ptsname(console_->held().front().fd);
    in_.reset();
    settle();  // which would never end if the terminal read as hung up
    in_.reset(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    ASSERT_TRUE(in_);
    ASSERT_EQ(::write(in_.get(), "back", 4), 4);
    EXPECT_EQ(wait_for_output(viewer, 4), "back");
}

TEST_F(TerminalTest, MuchOutputArrivesWhole) {
    make_console(1024 * 1024);
    begin_terminal();
    auto viewer = attach(framed());
    const auto text = numbered_lines(0, 30'000);
    std::size_t sent = 0;
    std::string seen;
    wait_for([&] {
        const auto part = ::write(in_.get(), text.data() + sent, text.size() - sent);
        if (part > 0) sent += static_cast<std::size_t>(part);
        for (const auto& [header, payload] : viewer.read_frames())
            if (header.kind == FrameKind::output) seen += payload;
        return seen.size() >= text.size();
    });
    EXPECT_TRUE(seen == text);
}

TEST_F(TerminalTest, BytesInTransitAreTakenOverAndTold) {
    auto held = duplicates(*console_);
    ASSERT_EQ(held.size(), 3u);
    console_.reset();
    // The last daemon died between taking them from the terminal and putting them into the ring.
    const auto transit = std::ranges::find(held, ConsoleRole::transit_write, &decltype(held)::value_type::first);
    ASSERT_EQ(::write(transit->second.get(), "on the way ", 11), 11);
    console_ = std::make_unique<Console>(loop_, workers_, open_ring(directory_.fd(), 4096));
    int told = 0;
    console_->set_listener([&] { ++told; });
    ASSERT_TRUE(console_->adopt(std::move(held)));
    EXPECT_EQ(content(console_->ring(), 0), "on the way ");
    EXPECT_GE(told, 1);
    EXPECT_TRUE(console_->has_terminal());
    auto viewer = attach(framed());
    ASSERT_EQ(::write(in_.get(), "and after", 9), 9);
    EXPECT_EQ(wait_for_output(viewer, 20), "on the way and after");
}

TEST_F(TerminalTest, CloseTakesInWhatTheTerminalHolds) {
    ASSERT_EQ(::write(in_.get(), "last", 4), 4);
    in_.reset();
    // The kernel passes the bytes on by itself; poll says when the master has them.
    pollfd master{console_->held().front().fd, POLLIN, 0};
    ASSERT_EQ(::poll(&master, 1, 20'000), 1);
    console_->close_run();
    EXPECT_EQ(content(console_->ring(), 0), "last");
    EXPECT_TRUE(console_->held().empty());
}

}  // namespace
}  // namespace xctl::console
