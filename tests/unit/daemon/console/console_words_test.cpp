// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/console_words.hpp"

#include <gtest/gtest.h>

namespace xctl::console {
namespace {

using api::FrameKind;

std::string frame(FrameKind kind, std::string_view payload, std::uint32_t more = 0) {
    const api::FrameHeader header{kind, 0, 0, static_cast<std::uint32_t>(payload.size()) + more, 0, 0};
    return std::string(reinterpret_cast<const char*>(&header), sizeof header).append(payload);
}

bool is_malformed(const std::string& bytes) {
    ConsoleWords words;
    words.add(bytes);
    return std::holds_alternative<ConsoleWords::Malformed>(words.next());
}

TEST(ConsoleWords, ComeInAnyPieces) {
    const auto bytes = frame(FrameKind::input, "ls\n") + frame(FrameKind::resize, std::string("\x18\0\x50\0", 4)) +
                       frame(FrameKind::end_of_input, "");
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        ConsoleWords words;
        std::string heard;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            words.add(std::string_view(bytes).substr(at, piece));
            while (true) {
                const auto word = words.next();
                if (std::holds_alternative<ConsoleWords::Nothing>(word)) break;
                ASSERT_FALSE(std::holds_alternative<ConsoleWords::Malformed>(word));
                if (const auto* input = std::get_if<ConsoleWords::Input>(&word)) heard += input->bytes;
                if (const auto* size = std::get_if<api::Size>(&word)) heard += std::to_string(size->columns);
                if (std::holds_alternative<ConsoleWords::EndOfInput>(word)) heard += " end";
            }
        }
        ASSERT_EQ(heard, "ls\n80 end") << piece;
        ASSERT_EQ(words.waiting(), 0U);
    }
}

TEST(ConsoleWords, WhatCanNeverBecomeAWordIsRefusedByItsHeader) {
    EXPECT_TRUE(is_malformed(frame(FrameKind::output, "", 1)));
    EXPECT_TRUE(is_malformed(frame(static_cast<FrameKind>(99), "", 1)));
    EXPECT_TRUE(is_malformed(frame(FrameKind::resize, "abc")));
    EXPECT_TRUE(is_malformed(frame(FrameKind::input, "", api::kMaxFramePayload + 1)));
    EXPECT_FALSE(is_malformed(frame(FrameKind::input, "", api::kMaxFramePayload)));
}

}  // namespace
}  // namespace xctl::console
