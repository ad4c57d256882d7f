// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/namespaces.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "lib/kernel/netlink.hpp"
#include "lib/kernel/process.hpp"

namespace xctl::kernel {
namespace {

/// A process with a network of its own; empty where we may not make one.
Result<Child> start_elsewhere() {
    const auto parent = ::getpid();
    auto child = clone_process({.flags = CLONE_NEWNET, .exit_signal = SIGCHLD, .cgroup = -1});
    if (child && child->pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        // A parent that has aborted already sends no signal.
        if (::getppid() != parent) ::_exit(0);
        while (true) ::pause();
    }
    return child;
}

void end(const Child& child) {
    (void)send_signal(child.pidfd.get(), SIGKILL);
    (void)wait_exit(child.pidfd.get());
}

/// A new user namespace may enter its own networks, but not the host's again. Exits with 1 where it cannot be tried.
template <class Visit>
void visit_without_return(Visit&& visit) {
    if (::unshare(CLONE_NEWUSER) < 0) ::_exit(1);
    const auto other = start_elsewhere();
    if (!other) ::_exit(1);
    (void)visit(other->pidfd.get());
    ::_exit(0);
}

std::string own_network() { return std::filesystem::read_symlink("/proc/thread-self/ns/net").string(); }

TEST(VisitedNetwork, IsLeftAgain) {
    const auto other = start_elsewhere();
    if (!other) GTEST_SKIP() << other.error().message;
    const auto before = own_network();
    EXPECT_TRUE(make_socket_in(other->pidfd.get(), AF_INET, SOCK_DGRAM));
    EXPECT_TRUE(netlink::Socket::open_inside(other->pidfd.get()));
    EXPECT_EQ(own_network(), before);
    end(*other);
}

TEST(VisitedNetwork, EndsTheProgramThatCannotLeaveIt) {
    const auto other = start_elsewhere();
    if (!other) GTEST_SKIP() << other.error().message;
    end(*other);
    const auto aborted = testing::KilledBySignal(SIGABRT);
    EXPECT_EXIT(visit_without_return([](int pidfd) { return make_socket_in(pidfd, AF_INET, SOCK_DGRAM); }), aborted, "");
    EXPECT_EXIT(visit_without_return([](int pidfd) { return netlink::Socket::open_inside(pidfd); }), aborted, "");
}

}  // namespace
}  // namespace xctl::kernel
