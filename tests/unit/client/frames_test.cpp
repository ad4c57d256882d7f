// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames cut out of bytes that come in any pieces.
#include "client/frames.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace xctl::client {
namespace {

using api::FrameKind;

void give(FrameDecoder& decoder, std::string_view bytes) {
    const auto space = decoder.space();
    ASSERT_GE(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), bytes.size());
    decoder.filled(bytes.size());
}

TEST(Frames, RoundTripByteByByte) {
    std::string bytes;
    append_frame(bytes, FrameKind::input, "hello");
    append_frame(bytes, FrameKind::end_of_input);
    FrameDecoder decoder;
    std::vector<std::pair<FrameKind, std::string>> seen;
    for (const char byte : bytes) {
        give(decoder, {&byte, 1});
        while (const auto frame = decoder.next().value())
            seen.emplace_back(frame->header.kind, std::string(frame->payload.begin(), frame->payload.end()));
    }
    const std::vector<std::pair<FrameKind, std::string>> wanted{{FrameKind::input, "hello"},
                                                                {FrameKind::end_of_input, ""}};
    EXPECT_EQ(seen, wanted);
}

TEST(Frames, TheLargestFrameFitsBehindAnother) {
    std::string bytes;
    append_frame(bytes, FrameKind::input, "x");
    append_frame(bytes, FrameKind::output, std::string(api::kMaxFramePayload, 'y'));
    FrameDecoder decoder;
    give(decoder, bytes);
    EXPECT_EQ(decoder.next().value()->payload.size(), 1u);
    EXPECT_EQ(decoder.next().value()->payload.size(), api::kMaxFramePayload);
    EXPECT_FALSE(decoder.next().value());
}

TEST(Frames, MalformedOnesAreRefused) {
    for (const api::FrameHeader& header :
         {api::FrameHeader{FrameKind(200), 0, 0, 0, 0, 0},
          api::FrameHeader{FrameKind::output, 0, 0, api::kMaxFramePayload + 1, 0, 0}}) {
        FrameDecoder decoder;
        give(decoder, {reinterpret_cast<const char*>(&header), sizeof(header)});
        EXPECT_FALSE(decoder.next());
    }
    EXPECT_FALSE(run_end_of({{FrameKind::run_end, 0, 0, 0, 0, 0}, {}}));
}

}  // namespace
}  // namespace xctl::client
