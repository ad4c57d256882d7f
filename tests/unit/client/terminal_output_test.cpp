// SPDX-License-Identifier: LGPL-2.1-or-later
// What of a console's bytes reaches the user's terminal, and what is undone there in the end.
#include "client/terminal_output.hpp"

#include <gtest/gtest.h>

#include "client/terminal_queries.hpp"

namespace xctl::client {
namespace {

using Kind = EscapeScanner::Kind;
using Piece = EscapeScanner::Piece;

std::string replayed(std::string_view bytes) { return TerminalOutput().show(bytes); }

std::string undone(std::string_view bytes) {
    TerminalOutput output;
    (void)output.go_live();
    EXPECT_EQ(output.show(bytes), bytes);
    return output.modes().undo();
}

/// What makes a terminal answer.
constexpr std::string_view kQueries[]{
    "\x05",                     "\x1bZ",
    "\x1b[c",                   "\x1b[0c",
    "\x1b[>c",                  "\x1b[>0c",
    "\x1b[=c",                  "\x1b[5n",
    "\x1b[6n",                  "\x1b[?6n",
    "\x1b[?996n",               "\x1b[x",
    "\x1b[>q",                  "\x1b[>0q",
    "\x1b[4$p",                 "\x1b[?2026$p",
    "\x1b[1$w",                 "\x1b[?u",
    "\x1b[?1;1;0S",             "\x1b[?4m",
    "\x1b[1;1;1;1;1;1*y",       "\x1b[14t",
    "\x1b[18t",                 "\x1b[21;0t",
    "\x1b]11;?\x07",            "\x1b]10;?\x1b\\",
    "\x1b]4;1;?;2;?\x07",       "\x1b]52;c;?\x07",
    "\x1b]60\x07",              "\x1b]1337;ReportCellSize\x07",
    "\x1bP$qm\x1b\\",           "\x1bP+q544e\x1b\\",
    "\x1bPtmux;\x1b\\",         "\x1b_Gi=1,a=q;AAAA\x1b\\",
    "\x9b" "6n",                "\xc2\x9b" "6n",
    "\x9d" "11;?\x07",          "\xc2\x9d" "11;?\xc2\x9c",
    "\x1b[6\x7fn",
};

/// What looks alike.
constexpr std::string_view kOthers[]{
    "plain text, tabs\t and lines\r\n",
    "\x1b[?25h\x1b[?0c",        // the Linux console's cursor
    "\x1b[2 q",                 // a cursor's shape
    "\x1b[8;24;80t",            // a size
    "\x1b[22;0t",               // a title is pushed
    "\x1b[4;1;1;2;2$x",         // a rectangle is filled
    "\x1b[>4;1m",
    "\x1b]0;what?\x07",         // a title
    "\x1b]8;;http://x/?q=1\x1b\\link\x1b]8;;\x1b\\",
    "\x1bPq#0;2;0;0;0~~\x1b\\",  // a picture
    "caf\xc3\xa9 \xe2\x9b\x94 \xf0\x9f\x98\x80 \xc2\xa0",  // C1 bytes within characters
    "\x1b]2;\xe2\x80\x9cquoted\xe2\x80\x9d\x07",
    "\x1b]P0123456 palette \x1b]R",
    "\x1b(0\x0e lqk \x0f\x1b(B",
};

TEST(TerminalOutput, QueriesAreNotAskedAgain) {
    for (const auto query : kQueries) EXPECT_EQ(replayed(std::format("a{}b", query)), "ab") << query.substr(1);
    for (const auto other : kOthers) EXPECT_EQ(replayed(other), other) << other;
}

TEST(TerminalOutput, QueriesMayComeInParts) {
    for (const auto query : kQueries) {
        for (std::size_t cut = 1; cut < query.size(); ++cut) {
            TerminalOutput output;
            auto out = output.show(std::format("a{}", query.substr(0, cut)));
            out += output.show(std::format("{}b", query.substr(cut)));
            EXPECT_EQ(out, "ab") << query.substr(1) << " cut at " << cut;
        }
    }
}

TEST(TerminalOutput, NothingHidesAQuery) {
    EXPECT_EQ(replayed("\x1b[6\nn"), "\n") << "a control within is carried out";
    EXPECT_EQ(replayed("\x1b]2;title\x1b[6nx"), "x") << "an escape ends a title";
    EXPECT_EQ(replayed("\x1b[1\x1b[6nx"), "x");
    EXPECT_EQ(replayed("\x1bP\x1b[6n\x1b\\"), "\x1b\\") << "as screen passes it on";
    EXPECT_EQ(replayed("\x1b]2;a\x05" "b\x07"), "\x1b]2;ab\x07");
    const auto long_query = "\x1b]4;0;rgb:0/0/0" + std::string(2 * EscapeScanner::kMaxHeld, ';') + "1;?\x07";
    EXPECT_EQ(replayed(long_query + "x"), "x");
}

TEST(TerminalOutput, WhatIsNewIsShownAsItIs) {
    TerminalOutput output;
    EXPECT_EQ(output.show("old\x1b[6n\x1b["), "old");
    EXPECT_EQ(output.go_live(), "\x1b[") << "whose end is new: somebody waits for the answer";
    EXPECT_EQ(output.show("6n\x1b[c"), "6n\x1b[c");
}

TEST(TerminalOutput, ModesThatReportBeginWhenTheReplayEnds) {
    TerminalOutput output;
    EXPECT_EQ(output.show("\x1b[?1004h\x1b[?1002;1006h\x1b[?1002l"), "\x1b[?1006h");
    EXPECT_EQ(output.go_live(), "\x1b[?1004h");
    EXPECT_EQ(output.modes().undo(), "\x1b[?1004l\x1b[?1006l");
}

TEST(TerminalModes, OnlyWhatWasChangedIsUndone) {
    EXPECT_EQ(undone("text \x1b[1mbold\x1b[0m \x1b[?25l\x1b[?25h\x1b[?1049h\x1b[?1049l\x1b=\x1b>\x1b[3;9r\x1b[r"), "");
    EXPECT_EQ(undone("\x1b[?1049h\x1b[?25l\x1b="), "\x1b[?25h\x1b>\x1b[?1049l") << "vim";
    EXPECT_EQ(undone("\x1b[?1000h\x1b[?1006h\x1b[?2004h"), "\x1b[?1000l\x1b[?1006l\x1b[?2004l");
    EXPECT_EQ(undone("\x1b[?7l\x1b[4h\x1b[20h"), "\x1b[?7h\x1b[4l\x1b[20l");
    EXPECT_EQ(undone("\x1b[38;5;0m"), "\x1b[0m");
    EXPECT_EQ(undone("\x1b(0\x0e"), "\x0f\x1b(B");
    EXPECT_EQ(undone("\x1b[2;20r"), "\x1b" "7\x1b[r\x1b" "8") << "the cursor stays";
    EXPECT_EQ(undone("\x1b[4 q\x1b[>4;2m\x1b[>1u\x1b[>1u\x1b[<u"), "\x1b[<1u\x1b[>4m\x1b[0 q");
    EXPECT_EQ(undone("\x1b[?1049h\x1b[?25l\x1b[31m\x1b" "c"), "") << "a reset";
}

TEST(TerminalModes, WhoHasTheScreen) {
    const auto is_full = [](std::string_view bytes) {
        TerminalOutput output;
        (void)output.show(bytes);
        return output.modes().is_full_screen();
    };
    EXPECT_FALSE(is_full("$ ls\r\n\x1b[31mred\x1b[0m\r\n\x1b[?2004h$ "));
    EXPECT_TRUE(is_full("\x1b[?1049h"));
    EXPECT_TRUE(is_full("\x1b[?25l"));
    EXPECT_TRUE(is_full("\x1b[?1000h"));
    EXPECT_FALSE(is_full("\x1b[?1049h\x1b[?1049l"));
}

TEST(EscapeScanner, GivesUpWhenBytesAreMissing) {
    EscapeScanner scanner;
    std::string seen;
    const auto visit = [&](const Piece& piece) { seen += piece.raw; };
    scanner.feed("a\x1b]2;tit", visit);
    EXPECT_EQ(scanner.held(), "\x1b]2;tit");
    scanner.give_up();
    scanner.feed("b", visit);
    EXPECT_EQ(seen, "ab");
}

}  // namespace
}  // namespace xctl::client
