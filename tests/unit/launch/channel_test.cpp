// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <span>

#include "lib/kernel/socket.hpp"
#include "lib/launch/init/steps.hpp"
#include "lib/launch/parent/failure_text.hpp"
#include "tests/unit/launch/container.hpp"

namespace xctl::launch {
namespace {

plan::LaunchPlan make_plan() {
    plan::LaunchPlan plan;
    plan.root.path = "/srv/root";
    plan.root.mounts.push_back(test::make_bind("/srv/data", "/data"));
    plan.root.mounts.push_back(test::make_filesystem("sysfs", "/sys"));
    plan.root.masked_paths = {"/proc/kcore"};
    plan.sysctls.push_back({.file = "net/ipv4/ip_forward", .value = "1", .pointer = {}});
    plan.process.args = {"sh"};
    plan.process.cwd = "/work";
    plan.process.rlimits.push_back({.resource = 7, .soft = 1, .hard = 1});
    return plan;
}

Message failed(std::uint8_t step, int error, int index = -1, long call = 0) {
    return {.kind = MessageKind::failed,
            .step = step,
            .call = static_cast<std::uint16_t>(call),
            .error = error,
            .index = index};
}

TEST(Channel, CarriesMessagesAndTheConsole) {
    auto pair = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    EXPECT_FALSE(receive(pair.first.get()).value().has_value());
    ASSERT_TRUE(send(pair.second.get(), MessageKind::ready));
    EXPECT_EQ(receive(pair.first.get()).value()->message.kind, MessageKind::ready);
    const Message console{.kind = MessageKind::console};
    const int fds[] = {pair.second.get()};
    ASSERT_TRUE(kernel::send_with_fds(pair.second.get(), std::as_bytes(std::span(&console, 1)), fds));
    EXPECT_TRUE(receive(pair.first.get()).value()->fd);
}

TEST(Channel, NamesTheMountThatWasMade) {
    auto pair = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    const MountedMessage mounted{
        .message = {.kind = MessageKind::mounted, .step = step_number("mount"), .index = 3}, .id_low = 7, .id_high = 1};
    ASSERT_TRUE(kernel::send_with_fds(pair.second.get(), std::as_bytes(std::span(&mounted, 1)), {}));
    const auto received = receive(pair.first.get()).value();
    EXPECT_EQ(received->mount_id, (std::uint64_t{1} << 32) + 7);
    EXPECT_EQ(received->message.index, 3);
    ASSERT_TRUE(send(pair.second.get(), MessageKind::mounted));
    EXPECT_EQ(receive(pair.first.get()).error().code, Errc::invalid_document) << "without a number";
}

TEST(Channel, TellsEndOfFileAndNonsense) {
    auto pair = kernel::make_socket_pair(SOCK_SEQPACKET).value();
    ASSERT_EQ(::send(pair.second.get(), "x", 1, 0), 1);
    EXPECT_EQ(receive(pair.first.get()).error().code, Errc::invalid_document);
    const char longer[sizeof(Message) + 1] = {};
    ASSERT_EQ(::send(pair.second.get(), longer, sizeof longer, 0), static_cast<ssize_t>(sizeof longer));
    EXPECT_EQ(receive(pair.first.get()).error().code, Errc::invalid_document);
    pair.second.reset();
    EXPECT_EQ(receive(pair.first.get()).error().code, Errc::cancelled);
}

TEST(DescribeFailure, NamesStepPathCallAndErrno) {
    const auto error = describe_failure(failed(step_number("mount"), ENOENT, 0, SYS_open_tree), make_plan());
    EXPECT_EQ(error.code, Errc::launch_failed);
    EXPECT_EQ(error.sys_errno, ENOENT);
    EXPECT_EQ(error.step, "mount");
    EXPECT_EQ(error.path, "/data");
    EXPECT_EQ(error.message, "mount /data (bind from /srv/data): open_tree: No such file or directory");
}

TEST(DescribeFailure, ExplainsSysfs) {
    const auto error = describe_failure(failed(step_number("mount"), EPERM, 1, SYS_fsmount), make_plan());
    EXPECT_NE(error.message.find("new network namespace"), std::string::npos);
}

TEST(DescribeFailure, KnowsTheListsOfThePlan) {
    const auto plan = make_plan();
    EXPECT_EQ(describe_failure(failed(step_number("masked path"), EACCES, 0), plan).path, "/proc/kcore");
    EXPECT_EQ(describe_failure(failed(step_number("sysctl"), EACCES, 0), plan).message,
              "sysctl net/ipv4/ip_forward = 1: Permission denied");
    EXPECT_EQ(describe_failure(failed(step_number("resource limit"), EPERM, 0, SYS_prlimit64), plan).message,
              "resource limit RLIMIT_NOFILE: prlimit64: Operation not permitted");
    EXPECT_EQ(describe_failure(failed(step_number("root"), ENOENT), plan).path, "/srv/root");
}

TEST(DescribeFailure, UsesTheWordsThatEnginesLookFor) {
    auto plan = make_plan();
    const auto step = step_number("executable");
    EXPECT_EQ(describe_failure(failed(step, ENOENT), plan).message,
              "exec: \"sh\": executable file not found in $PATH");
    plan.process.args = {"/bin/x"};
    EXPECT_EQ(describe_failure(failed(step, ENOENT), plan).message,
              "exec: \"/bin/x\": stat /bin/x: no such file or directory");
    EXPECT_EQ(describe_failure(failed(step_number("exec"), EACCES), plan).message,
              "exec: \"/bin/x\": permission denied");
}

TEST(DescribeFailure, SurvivesNumbersOutOfRange) {
    EXPECT_FALSE(describe_failure(failed(255, EIO, 9), make_plan()).message.empty());
    EXPECT_EQ(describe_failure(failed(step_number("mount"), EIO, 99), make_plan()).path, "");
}

/// A hook of the image may end itself by any signal, and the C library describes none of the real-time ones.
TEST(DescribeFailure, NamesEverySignalOfAHook) {
    auto plan = make_plan();
    plan.hooks.start_container.push_back({.path = "/bin/hook", .args = {}, .env = {}, .timeout = {}});
    const auto text_of = [&](int signal) {
        return describe_failure(failed(step_number("start hook"), ECANCELED, 0, 256 + signal), plan).message;
    };
    EXPECT_TRUE(text_of(SIGKILL).ends_with(": /bin/hook: signal: killed")) << text_of(SIGKILL);
    EXPECT_TRUE(text_of(40).ends_with(": /bin/hook: signal: signal 40")) << text_of(40);
    EXPECT_TRUE(text_of(0).ends_with(": /bin/hook: signal: signal 0")) << text_of(0);
}

}  // namespace
}  // namespace xctl::launch
