// SPDX-License-Identifier: LGPL-2.1-or-later
// Which of several clients writes.
#include "daemon/console/console_clients.hpp"

#include <gtest/gtest.h>

#include "tests/unit/daemon/console/console_fixture.hpp"

namespace xctl::console {
namespace {

using test::Viewer;
using Words = std::vector<std::string>;

class RoleTest : public test::ConsoleFixture {
protected:
    RoleTest() { begin_pipes(); }

    void type(const Viewer& viewer, std::string_view text) {
        viewer.send(Viewer::frame(api::FrameKind::input, text));
        settle();
    }
    std::string read_input(bool* ended = nullptr) { return test::read_available(in_.get(), ended); }
    Words roles() {
        Words out;
        for (const auto& client : console_->clients().list()) out.push_back(client.role);
        return out;
    }
    static ConsoleClient::Options observer() {
        auto options = framed();
        options.observe = true;
        return options;
    }
};

TEST_F(RoleTest, TheFirstThatAsksWrites) {
    auto watching = attach(observer());
    auto first = attach(framed());
    auto second = attach(framed());
    EXPECT_EQ(roles(), (Words{"observer", "writer", "waiting"}));
    type(watching, "w");
    type(second, "2");
    type(first, "1");
    EXPECT_EQ(read_input(), "1");
    EXPECT_EQ(watching.read_words(), (Words{"begin@0", "live@0"}));
    EXPECT_EQ(first.read_words(), (Words{"begin@0", "live@0"}));
    EXPECT_EQ(second.read_words(), (Words{"waiting", "begin@0", "live@0"}));
}

TEST_F(RoleTest, TheNextInLineFollowsTheWriter) {
    auto first = attach(framed());
    auto second = attach(framed());
    auto third = attach(framed());
    (void)second.read_words();
    type(second, "dropped");
    first.leave();
    settle();
    EXPECT_EQ(second.read_words(), Words{"writer"});
    type(third, "3");
    type(second, "2");
    EXPECT_EQ(read_input(), "2");
}

TEST_F(RoleTest, OneThatStealsWritesAtOnceAndGivesBackWhenItLeaves) {
    auto first = attach(framed());
    auto second = attach(framed());
    (void)first.read_words();
    auto thief = attach(framed(), true);
    EXPECT_EQ(roles(), (Words{"writer", "waiting", "waiting"}));
    EXPECT_EQ(first.read_words(), Words{"waiting"});
    type(first, "1");
    type(thief, "t");
    EXPECT_EQ(read_input(), "t");
    thief.leave();
    settle();
    EXPECT_EQ(first.read_words(), Words{"writer"});
    EXPECT_EQ(roles(), (Words{"writer", "waiting"}));
}

TEST_F(RoleTest, TheWriterThatEndsItsInputNeverWritesAgain) {
    ASSERT_NO_FATAL_FAILURE(end_pipes(0));
    begin_terminal();
    auto first = attach(framed());
    auto second = attach(framed());
    (void)first.read_words();
    first.send(Viewer::frame(api::FrameKind::end_of_input));
    settle();
    EXPECT_EQ(roles(), (Words{"observer", "writer"}));
    EXPECT_EQ(first.read_words(), Words{}) << "it has nothing to learn from its role";
    second.leave();
    settle();
    EXPECT_EQ(roles(), Words{"observer"});
}

TEST_F(RoleTest, WhoWritesIsToldThatTheInputWasClosedUntilTheNextRun) {
    auto first = attach(framed());
    auto second = attach(framed());
    (void)second.read_words();
    first.send(Viewer::frame(api::FrameKind::end_of_input));
    settle();
    EXPECT_EQ(second.read_words(), Words{"writer to nobody"});
    auto third = attach(framed(), true);
    EXPECT_EQ(third.read_words(), (Words{"writer to nobody", "begin@0", "live@0"}));
    end_pipes(0);
    EXPECT_TRUE(std::ranges::contains(third.read_words(), "writer"));
}

TEST_F(RoleTest, TheTerminalHasTheSizeOfTheWriter) {
    ASSERT_NO_FATAL_FAILURE(end_pipes(0));
    begin_terminal();
    auto first = attach(framed());
    auto second = attach(framed());
    first.send(Viewer::resize_frame({24, 80}));
    settle();
    second.send(Viewer::resize_frame({50, 200}));
    settle();
    winsize size{};
    ASSERT_EQ(::ioctl(in_.get(), TIOCGWINSZ, &size), 0);
    EXPECT_EQ(size.ws_row, 24);
    EXPECT_EQ(size.ws_col, 80);
}

TEST_F(RoleTest, InputOfAPlainClientWaitsForItsTurn) {
    auto first = attach(framed());
    auto second = attach({});
    second.send("waits");
    settle();
    EXPECT_EQ(read_input(), "");
    first.leave();
    settle();
    EXPECT_EQ(read_input(), "waits");
}

TEST_F(RoleTest, AWriterThatHasJustLeftIsNotInTheWay) {
    auto first = attach(framed());
    first.leave();
    // Without a turn of the loop in between.
    auto second = attach(framed());
    EXPECT_EQ(second.read_words(), (Words{"begin@0", "live@0"}));
    EXPECT_EQ(roles(), Words{"writer"});
}

TEST_F(RoleTest, TheListSaysWhoAndHowFarBehind) {
    auto options = framed();
    options.peer = {1000, 4711, "session-3.scope"};
    const auto viewer = attach(options);
    for (int i = 0; i < 40; ++i) print(out_, test::numbered_lines(0, 2000));
    const auto clients = console_->clients().list();
    ASSERT_EQ(clients.size(), 1u);
    EXPECT_EQ(clients[0].uid, 1000u);
    EXPECT_EQ(clients[0].pid, 4711u);
    EXPECT_EQ(clients[0].unit, "session-3.scope");
    EXPECT_GT(clients[0].since, 0u);
    EXPECT_GT(clients[0].behind, 0u);
    EXPECT_EQ(clients[0].offset + clients[0].behind, console_->ring().end());
}

}  // namespace
}  // namespace xctl::console
