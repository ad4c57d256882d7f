// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys that are pressed while xctld is away.
#include "client/outage.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace xctl::client {
namespace {

using namespace std::chrono_literals;

class OutageTest : public testing::Test {
protected:
    OutageTest() {
        std::array<int, 2> ends{-1, -1};
        EXPECT_EQ(::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), 0);
        master_.reset(ends[0]);
        slave_.reset(ends[1]);
        state_.writer = true;
        terminal_.emplace(slave_.get());
        terminal_->enter();
    }

    Outage begin() {
        return std::move(Outage::begin(mode_, state_, *terminal_, {slave_.get(), slave_.get(), slave_.get()})).value();
    }
    /// The kernel hands on what is typed a little later.
    void type(std::string_view keys) {
        ASSERT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
        int waiting = 0;
        for (int i = 0; i < 60'000; ++i) {
            ASSERT_EQ(::ioctl(slave_.get(), FIONREAD, &waiting), 0);
            if (waiting >= static_cast<int>(keys.size())) return;
            ::usleep(1000);
        }
        FAIL() << "only " << waiting << " bytes arrive";
    }
    std::string printed() {
        std::string out(65536, '\0');
        const auto got = ::read(master_.get(), out.data(), out.size());
        out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return out;
    }
    /// Of one frame of input.
    std::string kept() const {
        if (state_.unsent.empty()) return {};
        EXPECT_EQ(static_cast<api::FrameKind>(state_.unsent.front()), api::FrameKind::input);
        return state_.unsent.substr(sizeof(api::FrameHeader));
    }

    UniqueFd master_, slave_;
    StreamMode mode_{"web", true, true, false, "\x10\x11"};
    StreamState state_;
    std::optional<RawTerminal> terminal_;
};

TEST_F(OutageTest, WhatIsTypedIsSentAfterwards) {
    auto outage = begin();
    type("echo one\r");
    EXPECT_TRUE(outage.wait(-1, 0, 300ms));
    type("echo two\r\x10");
    EXPECT_TRUE(outage.wait(-1, 0, 300ms));
    outage.end();
    EXPECT_EQ(kept(), "echo one\recho two\r\x10") << "a key that only may begin to detach is for the container";
}

TEST_F(OutageTest, TheKeysDetach) {
    auto outage = begin();
    type("x\x10\x11");
    EXPECT_FALSE(outage.wait(-1, 0, {}));
    EXPECT_EQ(outage.outcome(), StreamOutcome::detached);
}

TEST_F(OutageTest, ASignalEndsIt) {
    auto outage = begin();
    ASSERT_EQ(::raise(SIGTERM), 0);
    EXPECT_FALSE(outage.wait(-1, 0, {}));
    EXPECT_EQ(outage.outcome(), StreamOutcome::signaled);
    EXPECT_EQ(outage.last_signal(), SIGTERM);
}

TEST_F(OutageTest, ItIsSaidOnce) {
    auto outage = begin();
    EXPECT_FALSE(state_.spoiled);
    EXPECT_TRUE(outage.wait(-1, 0, 1100ms));
    EXPECT_TRUE(outage.wait(-1, 0, 10ms));
    EXPECT_TRUE(state_.spoiled);
    EXPECT_EQ(printed(), "\r\nxctl: xctld does not answer; waiting. Ctrl-P Ctrl-Q leaves.\r\n");
}

TEST_F(OutageTest, WhoDoesNotWriteKeepsNothing) {
    state_.writer = false;
    auto outage = begin();
    type("lost\r");
    EXPECT_TRUE(outage.wait(-1, 0, 300ms));
    outage.end();
    EXPECT_EQ(kept(), "");
}

TEST_F(OutageTest, ThereIsABound) {
    auto outage = begin();
    const std::string block(1024, 'x');
    for (std::size_t typed = 0; typed < Outage::kMaxKept + block.size(); typed += block.size()) {
        type(block);
        EXPECT_TRUE(outage.wait(-1, 0, 5ms));
    }
    EXPECT_TRUE(outage.wait(-1, 0, 300ms));
    type("\x10\x11");
    EXPECT_FALSE(outage.wait(-1, 0, {})) << "they are heard beyond the bound";
    outage.end();
    EXPECT_EQ(kept().size(), Outage::kMaxKept);
}

TEST_F(OutageTest, ADescriptorWakes) {
    auto outage = begin();
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const UniqueFd read_end(ends[0]), write_end(ends[1]);
    ASSERT_EQ(::write(write_end.get(), "x", 1), 1);
    EXPECT_TRUE(outage.wait(read_end.get(), POLLIN, {}));
    EXPECT_FALSE(outage.outcome());
}

TEST(RawTerminal, WhatNobodyReadIsDiscarded) {
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), 0);
    const UniqueFd master(ends[0]), slave(ends[1]);
    RawTerminal terminal(slave.get());
    const auto waiting = [&] {
        pollfd state{slave.get(), POLLIN, 0};
        return ::poll(&state, 1, 0) > 0;
    };
    for (const bool for_good : {false, true}) {
        terminal.enter();
        ASSERT_EQ(::write(master.get(), "reboot\r", 7), 7);
        pollfd state{slave.get(), POLLIN, 0};
        ASSERT_EQ(::poll(&state, 1, 20'000), 1);
        for_good ? terminal.restore() : terminal.suspend();
        if (!for_good) terminal.enter();
        EXPECT_EQ(waiting(), !for_good);
    }
}

}  // namespace
}  // namespace xctl::client
