// SPDX-License-Identifier: LGPL-2.1-or-later
// The installed program itself, as xctld uses it: orders in, reports out.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/kernel/file.hpp"
#include "lib/kernel/pidfd.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/service_protocol.hpp"
#include "tests/unit/launch/container.hpp"

namespace xctl::test {
namespace {

using kernel::ExitStatus;
using launch::MessageKind;
using launch::ServiceKind;

/// `xctl-launch --serve` as our child.
class Server {
public:
    explicit Server(const char* program) {
        auto pair = kernel::make_socket_pair(SOCK_SEQPACKET).value();
        auto child = kernel::clone_process({}).value();
        if (child.pid == 0) {
            // dup2(2) would leave a descriptor that is 3 already close-on-exec.
            const UniqueFd moved(::fcntl(pair.second.get(), F_DUPFD, 10));
            ::dup2(moved.get(), 3);
            ::execl(program, program, "--serve", nullptr);
            ::_exit(127);
        }
        socket_ = std::move(pair.first);
        pidfd_ = std::move(child.pidfd);
    }
    [[nodiscard]] int socket() const { return socket_.get(); }

    Result<ExitStatus> close() {
        socket_.reset();
        return kernel::wait_exit(pidfd_.get());
    }

private:
    UniqueFd socket_;
    UniqueFd pidfd_;
};

/// Sends an order and answers the init until its channel closes.
Result<launch::ReceivedService> order(const Server& server, const plan::LaunchPlan& plan, int output) {
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    const auto file = make_plan_file(plan);
    const UniqueFd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const int fds[] = {file.get(), theirs.get(), null_device.get(), output, output};
    TRY(launch::send_service(server.socket(), {.kind = ServiceKind::order, .text = {}}, fds));
    theirs.reset();
    auto report = TRY(launch::receive_service(server.socket()));
    while (true) {
        pollfd wait{.fd = ours.get(), .events = POLLIN, .revents = 0};
        if (::poll(&wait, 1, 60'000) <= 0) return fail(Errc::timeout, "the init says nothing");
        const auto received = launch::receive(ours.get());
        if (!received) return report;
        if (!received->has_value()) continue;
        const auto kind = (*received)->message.kind;
        if (kind == MessageKind::await_placement) TRY(launch::send(ours.get(), MessageKind::placed));
        if (kind == MessageKind::ready) TRY(launch::send(ours.get(), MessageKind::go));
    }
}

class Serve : public testing::Test {
protected:
    void SetUp() override {
        if (const auto why = why_no_containers()) GTEST_SKIP() << *why;
        program_ = std::getenv("XCTL_LAUNCH");
        if (program_ == nullptr) GTEST_SKIP() << "XCTL_LAUNCH does not name the program";
    }
    const char* program_ = nullptr;
};

TEST_F(Serve, ExecutesOrdersOneAfterTheOther) {
    const BusyboxRoot root;
    Server server(program_);
    for (const int code : {3, 4}) {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        const UniqueFd read_end(ends[0]);
        UniqueFd write_end(ends[1]);
        const auto report =
            order(server, make_plan(root, "echo ran; exit " + std::to_string(code)), write_end.get());
        ASSERT_TRUE(report) << report.error().message;
        ASSERT_EQ(report->message.error, 0) << report->message.text;
        write_end.reset();
        // CLONE_PARENT made it ours.
        EXPECT_EQ(kernel::wait_exit(report->fds[0].get()).value(), (ExitStatus{false, code, false}));
        EXPECT_EQ(kernel::read_fd(read_end.get()).value(), "ran\n");
    }
    EXPECT_EQ(server.close().value(), (ExitStatus{false, 0, false}));
}

TEST_F(Serve, ReportsAPlanThatItCannotRead) {
    const Server server(program_);
    auto [ours, theirs] = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    const UniqueFd file(::memfd_create("plan", MFD_CLOEXEC));
    ASSERT_TRUE(kernel::write_all(file.get(), "nonsense"));
    const int fds[] = {file.get(), theirs.get(), 0, 1, 2};
    ASSERT_TRUE(launch::send_service(server.socket(), {.kind = ServiceKind::order, .text = {}}, fds));
    const auto report = launch::receive_service(server.socket()).value();
    EXPECT_NE(report.message.error, 0);
    EXPECT_EQ(report.fd_count, 0U);
    EXPECT_FALSE(report.message.text.empty());
}

TEST_F(Serve, ItsOwnFileCannotBeOverwrittenByAContainer) {
    const BusyboxRoot root;
    Server server(program_);
    // What a container could hold while its init is still our program, and open when nobody executes it any more.
    auto [ours, theirs] = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    const auto file = make_plan_file(make_plan(root, "true"));
    const UniqueFd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const int fds[] = {file.get(), theirs.get(), null_device.get(), null_device.get(), null_device.get()};
    ASSERT_TRUE(launch::send_service(server.socket(), {.kind = ServiceKind::order, .text = {}}, fds));
    const auto report = launch::receive_service(server.socket()).value();
    ASSERT_EQ(report.message.error, 0) << report.message.text;
    const auto exe = "/proc/" + std::to_string(report.message.pid) + "/exe";
    const UniqueFd held(::open(exe.c_str(), O_PATH | O_CLOEXEC));
    theirs.reset();
    ours.reset();
    EXPECT_EQ(kernel::wait_exit(report.fds[0].get()).value(), (ExitStatus{false, 125, false}));
    ASSERT_TRUE(server.close());
    const UniqueFd writable(::open(("/proc/self/fd/" + std::to_string(held.get())).c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_FALSE(writable);
    EXPECT_EQ(errno, EROFS);
}

}  // namespace
}  // namespace xctl::test
