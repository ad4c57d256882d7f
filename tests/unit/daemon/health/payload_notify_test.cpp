// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/health/payload_notify.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::health {
namespace {

std::string passed(std::string_view message, bool ready = true, bool watchdog = true) {
    return message_to_systemd(parse_notification(message), ready, watchdog);
}

TEST(PayloadNotify, PassesOnWhatIsListedInItsOrder) {
    const auto said = parse_notification("READY=1\nSTATUS=serving\nMAINPID=1\nFDSTORE=1\nNOTIFYACCESS=all\nSTOPPING=1");
    EXPECT_TRUE(said.says(NotifyUse::ready));
    EXPECT_FALSE(said.says(NotifyUse::watchdog));
    EXPECT_EQ(message_to_systemd(said, true, true), "READY=1\nSTATUS=serving\nSTOPPING=1");
    EXPECT_EQ(passed("RELOADING=1\nMONOTONIC_USEC=12\nSTATUS=again\n"), "RELOADING=1\nMONOTONIC_USEC=12\nSTATUS=again");
    EXPECT_EQ(passed("ERRNO=5\nBUSERROR=a.b\nEXIT_STATUS=3\nEXTEND_TIMEOUT_USEC=9\nWATCHDOG_USEC=7\nWATCHDOG=trigger"),
              "ERRNO=5\nBUSERROR=a.b\nEXIT_STATUS=3\nEXTEND_TIMEOUT_USEC=9\nWATCHDOG_USEC=7\nWATCHDOG=trigger");
    EXPECT_EQ(passed("MAINPID=1\nMAINPIDFDID=2\nFDNAME=x\nFDSTORE=1\nBARRIER=1\nRESTART_RESET=1\nX_ME=1"), "");
}

TEST(PayloadNotify, WhatSomethingElseDecidesIsNotPassed) {
    const std::string_view all = "READY=1\nWATCHDOG=1\nSTATUS=x";
    EXPECT_EQ(passed(all), all);
    EXPECT_EQ(passed(all, false, true), "WATCHDOG=1\nSTATUS=x");
    EXPECT_EQ(passed(all, true, false), "READY=1\nSTATUS=x");
}

TEST(PayloadNotify, TakesOnlyWholeWords) {
    const auto said = parse_notification("READY=10\nXREADY=1\nSTATUS=\x1b[31mred\nWATCHDOG=1\nWATCHDOG=2");
    EXPECT_FALSE(said.says(NotifyUse::ready));
    EXPECT_TRUE(said.says(NotifyUse::watchdog));
    EXPECT_EQ(message_to_systemd(said, true, true), "STATUS=?[31mred\nWATCHDOG=1");
}

TEST(PayloadNotify, PassesNoControlCharacterOn) {
    EXPECT_EQ(passed("STATUS=a\xc2\x9b" "2Jb\xe2\x80\xae" "c\xff"), "STATUS=a?2Jb?c\xef\xbf\xbd");
    EXPECT_EQ(passed(std::string_view("STATUS=a\0b", 10)), "STATUS=a?b");
}

class PayloadNotifySocketTest : public testing::Test {
protected:
    void SetUp() override {
        auto bound = PayloadNotify::bind(directory_.fd());
        ASSERT_TRUE(bound);
        notify_.hold(std::move(*bound));
        sender_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto path = (directory_.path() / "notify" / "notify.sock").string();
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(::connect(sender_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    void send(const std::string& text) const {
        ASSERT_EQ(::send(sender_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    /// With the writing end of a pipe; the reading end is returned.
    [[nodiscard]] UniqueFd send_barrier() const {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        const UniqueFd theirs(ends[1]);
        std::string text = "BARRIER=1";
        iovec part{text.data(), text.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
        EXPECT_GT(::sendmsg(sender_.get(), &message, 0), 0);
        return UniqueFd(ends[0]);
    }
    static bool has_hung_up(const UniqueFd& end) {
        char byte = 0;
        return ::read(end.get(), &byte, 1) == 0;
    }
    void listen_until(const std::string& last) {
        ASSERT_TRUE(notify_.listen(loop_, [this, last](const Notification& said) {
            heard_.push_back(message_to_systemd(said, true, true));
            barrier_was_open_.push_back(!barrier_ || !has_hung_up(barrier_));
            if (heard_.back() == last) loop_.exit(0);
        }));
        ASSERT_TRUE(loop_.run());
    }
    kernel::EventLoop loop_ = kernel::EventLoop::open().value();
    test::TemporaryDirectory directory_;
    PayloadNotify notify_;
    UniqueFd sender_, barrier_;
    std::vector<std::string> heard_;
    std::vector<bool> barrier_was_open_;
};

TEST_F(PayloadNotifySocketTest, MessagesComeWholeAndInOrder) {
    send("READY=1\nSTATUS=one");
    send("STATUS=" + std::string(4090, 'x'));  // one byte too long, as systemd sees it
    send("STATUS=two\nSTATUS=three");
    listen_until("STATUS=two\nSTATUS=three");
    EXPECT_EQ(heard_, (std::vector<std::string>{"READY=1\nSTATUS=one", "STATUS=two\nSTATUS=three"}));
}

TEST_F(PayloadNotifySocketTest, ABarrierIsAnsweredBehindWhatCameBefore) {
    send("STATUS=one");
    barrier_ = send_barrier();
    send("STATUS=two");
    EXPECT_FALSE(has_hung_up(barrier_));
    listen_until("STATUS=two");
    EXPECT_EQ(heard_, (std::vector<std::string>{"STATUS=one", "", "STATUS=two"}));
    EXPECT_EQ(barrier_was_open_, (std::vector{true, true, false}));
}

TEST_F(PayloadNotifySocketTest, AMessageStaysUntilItHasBeenDealtWith) {
    send("STATUS=one");
    ASSERT_TRUE(notify_.listen(loop_, [this](const Notification&) {
        char byte = 0;
        EXPECT_EQ(::recv(notify_.fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK), 1);
        loop_.exit(0);
    }));
    ASSERT_TRUE(loop_.run());
    char byte = 0;
    EXPECT_EQ(::recv(notify_.fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
}

}  // namespace
}  // namespace xctl::health
