// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/kernel/pidfd.hpp"

namespace xctl::kernel {
namespace {

Child exiting_child(int status) {
    auto child = clone_process({});
    EXPECT_TRUE(child);
    if (child->pid == 0) ::_exit(status);
    return std::move(*child);
}

TEST(Process, ReportsExitCodes) {
    const auto child = exiting_child(42);
    EXPECT_EQ(wait_exit(child.pidfd.get(), Reap::no).value(), (ExitStatus{false, 42, false}));
    EXPECT_EQ(wait_exit(child.pidfd.get()).value(), (ExitStatus{false, 42, false}));
    EXPECT_EQ(wait_exit(child.pidfd.get()).error().sys_errno, ECHILD);
}

TEST(Process, ReportsSignals) {
    auto child = clone_process({});
    ASSERT_TRUE(child);
    if (child->pid == 0)
        while (true) ::pause();
    EXPECT_FALSE(try_wait_exit(child->pidfd.get()).value().has_value());
    ASSERT_TRUE(send_signal(child->pidfd.get(), SIGKILL));
    EXPECT_EQ(wait_exit(child->pidfd.get()).value(), (ExitStatus{true, SIGKILL, false}));
    EXPECT_EQ(send_signal(child->pidfd.get(), SIGKILL).error().sys_errno, ESRCH);
}

TEST(Pidfd, RemembersTheExitOfAReapedProcess) {
    if (!has_exit_info()) GTEST_SKIP() << "PIDFD_GET_INFO does not tell exit statuses before Linux 6.15";
    const auto child = exiting_child(7);
    ASSERT_TRUE(wait_exit(child.pidfd.get(), Reap::no));
    EXPECT_FALSE(read_exit_info(child.pidfd.get()).value().has_value());
    ASSERT_TRUE(wait_exit(child.pidfd.get()));
    EXPECT_EQ(read_exit_info(child.pidfd.get()).value(), (ExitStatus{false, 7, false}));
}

}  // namespace
}  // namespace xctl::kernel
