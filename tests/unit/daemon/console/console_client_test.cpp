// SPDX-License-Identifier: LGPL-2.1-or-later
// What an attached client is sent.
#include "daemon/console/console_client.hpp"

#include <algorithm>
#include <random>

#include "tests/unit/daemon/console/console_fixture.hpp"

namespace xctl::console {
namespace {

using namespace test;
using Words = std::vector<std::string>;

class ClientTest : public ConsoleFixture {
protected:
    void print_two_runs() {
        begin_pipes();
        print(out_, "a");
        print(err_, "bad");
        end_pipes(3, false);
        begin_pipes();
        print(out_, "c");
        settle();
    }
};

TEST_F(ClientTest, ReplayThenLive) {
    print_two_runs();
    auto viewer = attach(framed());
    const Words replay{"begin@0", "out@0:a", "err@1:bad", "end-of-run@4:0,3", "begin@4", "out@4:c", "live@5"};
    EXPECT_EQ(viewer.read_words(), replay);
    print(err_, "now");
    print(out_, "then");
    end_pipes(0);
    settle();
    const Words live{"err@5:now", "out@8:then", "end-of-run@12:0,0,final"};
    EXPECT_EQ(viewer.read_words(), live);
    EXPECT_FALSE(viewer.ended());
}

TEST_F(ClientTest, NothingKeptIsLiveAtOnce) {
    auto viewer = attach(framed());
    EXPECT_EQ(viewer.read_words(), Words{"live@0"});
}

TEST_F(ClientTest, TheEndOfARunSaysHow) {
    console_->mark_run_begin(false);
    console_->mark_run_end({model::ExitReason::signal, 9}, false);
    auto viewer = attach(framed());
    const Words wanted{"begin@0", "end-of-run@0:1,9", "live@0"};
    EXPECT_EQ(viewer.read_words(), wanted);
}

TEST_F(ClientTest, AStreamThatEndedSilentlyDoesNotHoldUpLive) {
    begin_pipes();
    print(out_, "a");
    err_.reset();  // which leaves a mark of the stream, and nothing behind it
    settle();
    auto viewer = attach(framed());
    const Words wanted{"begin@0", "out@0:a", "live@1"};
    EXPECT_EQ(viewer.read_words(), wanted);

    auto options = framed();
    options.follow = false;
    options.observe = true;
    auto log = attach(options);
    const Words all{"begin@0", "out@0:a", "live@1", "end@1"};
    EXPECT_EQ(log.read_words(), all);
    EXPECT_TRUE(log.ended());
}

TEST_F(ClientTest, WithoutFollowItEnds) {
    print_two_runs();
    auto options = framed();
    options.follow = false;
    options.cursor = ring::ConsoleCursor::at(console_->ring(), 4);
    auto viewer = attach(options);
    // The marks at the offset belong to it.
    const Words wanted{"end-of-run@4:0,3", "begin@4", "out@4:c", "live@5", "end@5"};
    EXPECT_EQ(viewer.read_words(), wanted);
    EXPECT_TRUE(viewer.ended());
    EXPECT_EQ(console_->clients().count(), 0u);
}

TEST_F(ClientTest, EveryFrameIsAPlaceToResumeAt) {
    print_two_runs();
    auto first = attach(framed());
    const auto frames = first.read_frames();
    ASSERT_EQ(frames.size(), 7u);
    first.leave();
    settle();
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto& header = frames[i].header;
        const bool output = header.kind == api::FrameKind::output;
        auto options = framed();
        const auto reached = header.offset + (output ? header.length : 0);
        options.cursor = ring::ConsoleCursor::resume(console_->ring(), reached, header.mark);
        auto viewer = attach(options);
        Words wanted;
        for (auto rest = i + 1; rest < frames.size(); ++rest) wanted.push_back(Viewer::to_word(frames[rest]));
        if (wanted.empty()) wanted.push_back("live@5");
        EXPECT_EQ(viewer.read_words(), wanted) << i;
    }
}

TEST_F(ClientTest, APlainClientGetsBytesOnly) {
    print_two_runs();
    ConsoleClient::Options options;
    auto viewer = attach(options);
    EXPECT_EQ(viewer.read_plain(), "abadc");
    print(out_, "\nlive");
    EXPECT_EQ(viewer.read_plain(), "\nlive");
    EXPECT_FALSE(viewer.ended());
    options.follow = false;
    auto log = attach(options);
    EXPECT_EQ(log.read_plain(), "abadc\nlive");
    EXPECT_TRUE(log.ended());
}

TEST_F(ClientTest, ALargeReplayComesInFramesOfBoundedSize) {
    make_console(1024 * 1024);
    begin_pipes();
    const auto text = numbered_lines(0, 60'000);
    for (std::size_t at = 0; at < text.size(); at += 50'000) print(out_, std::string_view(text).substr(at, 50'000));
    auto viewer = attach(framed());
    std::string seen;
    for (bool live = false; !live; settle()) {
        const auto frames = viewer.read_frames();
        ASSERT_FALSE(frames.empty());
        for (const auto& [header, payload] : frames) {
            ASSERT_LE(header.length, api::kMaxFramePayload);
            if (header.kind == api::FrameKind::live) live = true;
            if (header.kind != api::FrameKind::output) continue;
            ASSERT_EQ(header.offset, seen.size());
            seen += payload;
        }
    }
    EXPECT_TRUE(seen == text);
}

/// The writer is never held up, those who read get all, and the one who did not is told what it missed.
TEST_F(ClientTest, AStalledClientHoldsUpNobody) {
    begin_pipes();
    auto one = attach(framed());
    auto two = attach(framed());
    auto stalled = attach(framed());
    const auto text = numbered_lines(0, 300'000);
    std::string seen_one, seen_two;
    const auto take = [](Viewer& viewer, std::string& seen) {
        for (const auto& [header, payload] : viewer.read_frames()) {
            ASSERT_NE(header.kind, api::FrameKind::gap);
            if (header.kind == api::FrameKind::output) seen += payload;
        }
    };
    for (std::size_t at = 0; at < text.size() && !HasFailure(); at += 16'000) {
        print(out_, std::string_view(text).substr(at, 16'000));
        take(one, seen_one);
        take(two, seen_two);
    }
    for (int i = 0; i < 10; ++i, settle()) {
        take(one, seen_one);
        take(two, seen_two);
    }
    EXPECT_TRUE(seen_one == text);
    EXPECT_TRUE(seen_two == text);
    EXPECT_EQ(console_->clients().count(), 3u);

    std::uint64_t next = 0;
    int gaps = 0;
    for (auto frames = stalled.read_frames(); !frames.empty(); settle(), frames = stalled.read_frames()) {
        for (const auto& [header, payload] : frames) {
            if (header.kind == api::FrameKind::gap) {
                EXPECT_GT(header.offset, next);
                next = header.offset;
                ++gaps;
            }
            if (header.kind != api::FrameKind::output) continue;
            ASSERT_EQ(header.offset, next);
            ASSERT_TRUE(std::string_view(text).substr(next, payload.size()) == payload);
            next += payload.size();
        }
    }
    EXPECT_EQ(gaps, 1);
    EXPECT_EQ(next, text.size());
}

TEST_F(ClientTest, TheEndIsSaidOnceHoweverFullTheSocketIs) {
    for (std::size_t size = 0; size < 40'000; size += 311) {
        make_console(64 * 1024);
        begin_pipes();
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
        const int smallest = 1;
        ASSERT_EQ(::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), 0);
        Viewer viewer{UniqueFd(ends[1])};
        ASSERT_TRUE(console_->attach(UniqueFd(ends[0]), framed()));
        settle();
        for (std::size_t printed = 0; printed < size; printed += 311) print(out_, std::string(311, 'x'));
        console_->finish_clients();
        Words words;
        do {
            settle();
            for (auto& word : viewer.read_words()) words.push_back(std::move(word));
        } while (!viewer.ended());
        ASSERT_EQ(std::ranges::count(words, std::format("end@{}", console_->ring().end())), 1) << size;
        ASSERT_TRUE(words.back().starts_with("end@"));
    }
}

TEST_F(ClientTest, ClientsComeAndGo) {
    begin_pipes();
    std::vector<Viewer> viewers;
    for (int i = 0; i < 20; ++i) viewers.push_back(attach(framed()));
    EXPECT_EQ(console_->clients().count(), 20u);
    for (std::size_t i = 0; i < viewers.size(); i += 2) viewers[i].leave();
    print(out_, "x");
    EXPECT_EQ(console_->clients().count(), 10u);
    for (std::size_t i = 1; i < viewers.size(); i += 2) EXPECT_EQ(viewers[i].read_words().back(), "out@0:x");
    viewers.clear();
    settle();
    EXPECT_EQ(console_->clients().count(), 0u);
}

TEST_F(ClientTest, ClientsThatAreThereWhenTheConsoleGoesAreClosed) {
    auto viewer = attach(framed());
    console_.reset();
    (void)viewer.read_words();
    EXPECT_TRUE(viewer.ended());
}

}  // namespace
}  // namespace xctl::console
