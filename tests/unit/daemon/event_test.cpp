// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/event.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>

#include "lib/base/unique_fd.hpp"
#include "lib/kernel/socket.hpp"

namespace xctl::kernel {
namespace {

class EventTest : public testing::Test {
protected:
    EventLoop loop_ = EventLoop::open().value();
    EventSource slot_, end_;
};

TEST_F(EventTest, ATimerReplacesWhatItsSlotHeld) {
    int first = 0, second = 0;
    loop_.arm(slot_, std::chrono::milliseconds(1), [&](std::uint32_t) { ++first; });
    loop_.arm(slot_, std::chrono::milliseconds(1), [&](std::uint32_t) {
        ++second;
        loop_.arm(end_, std::chrono::milliseconds(50), [&](std::uint32_t) { loop_.exit(0); });
    });
    ASSERT_TRUE(loop_.run());
    EXPECT_EQ(first, 0);
    EXPECT_EQ(second, 1);
}

TEST_F(EventTest, AHandlerMayArmItsOwnSlot) {
    int turns = 0;
    std::function<void(std::uint32_t)> turn = [&](std::uint32_t) {
        if (++turns == 3) return loop_.exit(0);
        loop_.defer(slot_, turn);
    };
    loop_.defer(slot_, turn);
    ASSERT_TRUE(loop_.run());
    EXPECT_EQ(turns, 3);
}

TEST_F(EventTest, AFileIsWatchedOnce) {
    auto [one, other] = make_socket_pair(SOCK_STREAM).value();
    const auto source = loop_.add_io(one.get(), EPOLLIN, [](std::uint32_t) {});
    ASSERT_TRUE(source);
    const auto again = loop_.add_io(one.get(), EPOLLOUT, [](std::uint32_t) {});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().sys_errno, EEXIST);
}

TEST_F(EventTest, AChangeThatTheKernelRefusesEndsTheLoop) {
    auto [one, other] = make_socket_pair(SOCK_STREAM).value();
    auto source = loop_.add_io(one.get(), EPOLLIN, [](std::uint32_t) {}).value();
    // The descriptor is something else now, which epoll(7) does not watch.
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    ASSERT_GE(::dup3(null.get(), one.get(), O_CLOEXEC), 0);
    source.set_events(EPOLLOUT);
    const auto ended = loop_.run();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, Errc::system);
}

}  // namespace
}  // namespace xctl::kernel
