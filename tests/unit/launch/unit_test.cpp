// SPDX-License-Identifier: LGPL-2.1-or-later
// `xctl-launch --unit NAME`, with this test as both xctld and systemd.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <format>
#include <string>

#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/random.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/service_protocol.hpp"
#include "tests/unit/launch/container.hpp"

namespace xctl::test {
namespace {

using kernel::ExitStatus;
using launch::MessageKind;
using launch::ServiceKind;

/// Of this process alone: another test run may share our cgroup.
const std::string kUnitModeUnit = std::format("xctl-unit-mode-test-{:x}", kernel::random_bits());
constexpr const char* kNotify = "/run/notify";

class UnitMode : public testing::Test {
protected:
    void SetUp() override {
        if (const auto why = why_no_containers()) GTEST_SKIP() << *why;
        program_ = std::getenv("XCTL_LAUNCH");
        if (program_ == nullptr) GTEST_SKIP() << "XCTL_LAUNCH does not name the program";
        auto own = kernel::read_own_cgroup_path();
        auto parent = own ? kernel::open_cgroup(*own) : std::unexpected(own.error());
        auto unit = parent ? kernel::make_cgroup_at(parent->get(), kUnitModeUnit) : std::unexpected(parent.error());
        if (!unit) GTEST_SKIP() << "no writable cgroup v2: " << unit.error().message;
        parent_ = std::move(*parent);
        supervisor_ = kernel::make_cgroup_at(unit->get(), "supervisor").value();
        make_own_run();
    }
    void TearDown() override {
        if (!parent_) return;
        EXPECT_TRUE(kernel::remove_cgroup_at(parent_.get(), kUnitModeUnit));
    }

    /// The sockets' paths are fixed, so that the host's /run must be out of the way.
    void make_own_run() {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        ASSERT_EQ(::mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0);
        std::filesystem::create_directories("/run/xctl");
        listener_ = kernel::listen_unix(std::string(launch::kLaunchSocket), SOCK_SEQPACKET, 0600).value();
        manager_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, kNotify);
        ASSERT_EQ(::bind(manager_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }

    /// In the unit's subgroup, as with DelegateSubgroup=supervisor.
    void start() {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        errors_.reset(ends[0]);
        const UniqueFd stderr_end(ends[1]);
        auto child =
            kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD, .cgroup = supervisor_.get()}).value();
        if (child.pid == 0) {
            ::setenv("NOTIFY_SOCKET", kNotify, 1);
            ::dup2(stderr_end.get(), 2);
            ::execl(program_, program_, "--unit", "web", nullptr);
            ::_exit(127);
        }
        launcher_ = std::move(child.pidfd);
        connection_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const auto hello = launch::receive_service(connection_.get()).value();
        EXPECT_EQ(hello.message.kind, ServiceKind::hello);
        EXPECT_EQ(hello.message.text, "web");
    }

    launch::ReceivedService order(const plan::LaunchPlan& plan) {
        auto pair = kernel::make_socket_pair(SOCK_SEQPACKET).value();
        channel_ = std::move(pair.first);
        const auto file = make_plan_file(plan);
        const UniqueFd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
        const int null_fd = null_device.get();
        const int fds[] = {file.get(), pair.second.get(), null_fd, null_fd, null_fd};
        EXPECT_TRUE(launch::send_service(connection_.get(), {.kind = ServiceKind::order, .text = {}}, fds));
        pair.second.reset();
        return launch::receive_service(connection_.get()).value();
    }

    MessageKind next_of_init() {
        pollfd wait{.fd = channel_.get(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&wait, 1, 60'000), 1);
        return launch::receive(channel_.get()).value()->message.kind;
    }

    std::string next_notification() {
        std::byte buffer[256];
        const auto packet = kernel::receive_with_fds(manager_.get(), buffer).value();
        return {reinterpret_cast<const char*>(buffer), packet.size};
    }

    void finish(int error, const std::string& text) {
        const launch::ServiceMessage verdict{.kind = ServiceKind::verdict, .error = error, .text = text};
        EXPECT_TRUE(launch::send_service(connection_.get(), verdict, {}));
    }

    const char* program_ = nullptr;
    UniqueFd parent_, supervisor_, listener_, manager_, connection_, channel_, launcher_, errors_;
};

TEST_F(UnitMode, LaunchesIntoThePayloadAndTellsSystemd) {
    const BusyboxRoot root;
    start();
    const auto report = order(make_plan(root, "exit 5"));
    ASSERT_EQ(report.message.error, 0) << report.message.text;
    EXPECT_TRUE(
        kernel::read_cgroup_path(report.message.pid).value().ends_with(kUnitModeUnit + "/payload"));
    ASSERT_EQ(next_of_init(), MessageKind::await_placement);
    ASSERT_TRUE(launch::send(channel_.get(), MessageKind::placed));
    ASSERT_EQ(next_of_init(), MessageKind::ready);
    ASSERT_TRUE(launch::send_service(connection_.get(), {.kind = ServiceKind::announce, .text = {}}, {}));
    EXPECT_EQ(next_notification(), "MAINPID=" + std::to_string(report.message.pid) + "\nREADY=1");
    EXPECT_EQ(next_notification(), "BARRIER=1");
    EXPECT_EQ(launch::receive_service(connection_.get()).value().message.kind, ServiceKind::announce);
    ASSERT_TRUE(launch::send(channel_.get(), MessageKind::go));
    finish(0, {});
    EXPECT_EQ(kernel::wait_exit(launcher_.get()).value(), (ExitStatus{false, 0, false}));
    EXPECT_EQ(kernel::wait_exit(report.fds[0].get()).value(), (ExitStatus{false, 5, false}));
}

TEST_F(UnitMode, PrintsTheVerdict) {
    const BusyboxRoot root;
    start();
    auto plan = make_plan(root, "true");
    plan.process.args = {"nothing"};
    const auto report = order(plan);
    ASSERT_EQ(report.message.error, 0) << report.message.text;
    ASSERT_EQ(next_of_init(), MessageKind::await_placement);
    ASSERT_TRUE(launch::send(channel_.get(), MessageKind::placed));
    ASSERT_EQ(next_of_init(), MessageKind::failed);
    finish(2, "no such program");
    EXPECT_EQ(kernel::wait_exit(launcher_.get()).value(), (ExitStatus{false, 1, false}));
    EXPECT_EQ(kernel::read_fd(errors_.get()).value(), "xctl-launch: no such program\n");
    EXPECT_TRUE(kernel::wait_exit(report.fds[0].get()));
}

TEST_F(UnitMode, ReportsLimitsThatCannotBeSet) {
    const BusyboxRoot root;
    start();
    auto plan = make_plan(root, "true");
    plan.cgroup.controllers = {"nosuch"};
    const auto report = order(plan);
    EXPECT_NE(report.message.error, 0);
    EXPECT_NE(report.message.text.find("nosuch"), std::string::npos) << report.message.text;
    finish(report.message.error, report.message.text);
    EXPECT_EQ(kernel::wait_exit(launcher_.get()).value(), (ExitStatus{false, 1, false}));
}

TEST_F(UnitMode, PrintsARefusal) {
    start();
    ASSERT_TRUE(launch::send_service(connection_.get(), {.kind = ServiceKind::refusal, .text = "no web"}, {}));
    EXPECT_EQ(kernel::wait_exit(launcher_.get()).value(), (ExitStatus{false, 1, false}));
    EXPECT_EQ(kernel::read_fd(errors_.get()).value(), "xctl-launch: no web\n");
}

}  // namespace
}  // namespace xctl::test
