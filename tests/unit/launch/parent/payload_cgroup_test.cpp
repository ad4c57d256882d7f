// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/payload_cgroup.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <format>
#include <string>

#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/random.hpp"
#include "tests/unit/launch/container.hpp"

namespace xctl::test {
namespace {

/// Of this process alone: another test run may share our cgroup.
const std::string kUnit = std::format("xctl-unit-test-{:x}", kernel::random_bits());

/// A cgroup below our own, as a unit's would be.
class PayloadCgroup : public testing::Test {
protected:
    void SetUp() override {
        if (const auto why = why_no_containers()) GTEST_SKIP() << *why;
        auto own = kernel::read_own_cgroup_path();
        auto parent = own ? kernel::open_cgroup(*own) : std::unexpected(own.error());
        auto unit = parent ? kernel::make_cgroup_at(parent->get(), kUnit) : std::unexpected(parent.error());
        if (!unit) GTEST_SKIP() << "no writable cgroup v2: " << unit.error().message;
        parent_ = std::move(*parent);
        unit_ = std::move(*unit);
    }
    void TearDown() override {
        if (!parent_) return;
        EXPECT_TRUE(kernel::remove_cgroup_at(parent_.get(), kUnit));
    }
    static UniqueFd start_sleeper(int cgroup) {
        auto child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD, .cgroup = cgroup}).value();
        if (child.pid == 0)
            while (true) ::pause();
        return std::move(child.pidfd);
    }
    static void stop(const UniqueFd& pidfd) {
        EXPECT_TRUE(kernel::send_signal(pidfd.get(), SIGKILL));
        EXPECT_TRUE(kernel::wait_exit(pidfd.get()));
    }
    UniqueFd parent_, unit_;
    launch::DevicePrograms programs_;
};

TEST_F(PayloadCgroup, MovesTheProcessesAndWritesTheLimits) {
    const auto sleeper = start_sleeper(unit_.get());
    const auto pids = kernel::read_processes(unit_.get()).value();
    ASSERT_EQ(pids.size(), 1U);
    plan::Cgroup limits;
    limits.files = {{.file = "cgroup.max.descendants", .value = "7", .pointer = "/linux/resources/unified"}};
    const auto payload = launch::prepare_payload(unit_.get(), limits, -1, programs_);
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(kernel::read_processes(payload->get()).value(), pids);
    EXPECT_TRUE(kernel::read_processes(unit_.get()).value().empty());
    EXPECT_EQ(kernel::read_file_at(payload->get(), "cgroup.max.descendants").value(), "7\n");
    stop(sleeper);
}

TEST_F(PayloadCgroup, KeepsTheKeeperApart) {
    const auto init = start_sleeper(unit_.get());
    const pid_t init_pid = kernel::read_processes(unit_.get()).value().front();
    const auto keeper = start_sleeper(unit_.get());
    const auto pids = kernel::read_processes(unit_.get()).value();
    const pid_t keeper_pid = pids.front() == init_pid ? pids.back() : pids.front();
    const auto payload = launch::prepare_payload(unit_.get(), {}, keeper_pid, programs_);
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(kernel::read_processes(payload->get()).value(), std::vector{init_pid});
    const auto supervisor = kernel::open_cgroup_at(unit_.get(), "supervisor").value();
    EXPECT_EQ(kernel::read_processes(supervisor.get()).value(), std::vector{keeper_pid});
    ASSERT_TRUE(kernel::kill_cgroup(payload->get()));
    EXPECT_TRUE(kernel::wait_exit(init.get()));
    stop(keeper);
}

TEST_F(PayloadCgroup, NamesTheFieldOfAMissingController) {
    plan::Cgroup limits;
    limits.controllers = {"nosuch"};
    limits.files = {{.file = "nosuch.max", .value = "1", .pointer = "/linux/resources/nosuch/limit"}};
    const auto payload = launch::prepare_payload(unit_.get(), limits, -1, programs_);
    ASSERT_FALSE(payload);
    EXPECT_EQ(payload.error().code, Errc::unsupported);
    EXPECT_EQ(payload.error().message,
              "/linux/resources/nosuch/limit: the requested cgroup controller `nosuch` is not available");
}

TEST_F(PayloadCgroup, KnowsWhichFilesMayBeMissing) {
    using plan::Presence;
    plan::Cgroup limits;
    limits.files = {{"cgroup.none", "1", {}, Presence::optional},
                    {"cgroup.none", "1", {}, Presence::preferred},
                    {"cgroup.max.depth", "3", {}, Presence::required},
                    {"cgroup.max.descendants", "4", {}, Presence::preferred},
                    {"cgroup.none", "1", {}, Presence::required},
                    {"cgroup.none", "1", "/linux/resources/x", Presence::required}};
    const auto refused = launch::prepare_payload(unit_.get(), limits, -1, programs_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.substr(0, 20), "/linux/resources/x: ");
    limits.files.pop_back();
    const auto payload = launch::prepare_payload(unit_.get(), limits, -1, programs_);
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(kernel::read_file_at(payload->get(), "cgroup.max.depth").value(), "3\n");
    EXPECT_EQ(kernel::read_file_at(payload->get(), "cgroup.max.descendants").value(), "4\n");
}

TEST_F(PayloadCgroup, DecidesDeviceAccessAndReplacesThePrograms) {
    const BusyboxRoot root;
    const auto run_with = [&](std::uint64_t answer) {
        plan::Cgroup rules;
        // r0 = answer; exit
        rules.device_program = {0xb7 | answer << 32, 0x95};
        const auto payload = launch::prepare_payload(unit_.get(), rules, -1, programs_);
        if (!payload) return payload.error().message;
        auto plan = make_plan(root, "cat /dev/null && echo allowed || echo refused");
        plan.root.mounts.push_back(make_filesystem("cgroup2", "/sys/fs/cgroup"));
        plan.root.mounts.back().kind = plan::MountKind::cgroup;
        RunOptions options;
        options.cgroup = payload->get();
        const auto outcome = run(plan, options);
        if (!outcome) return outcome.error().message;
        return outcome->failure ? outcome->failure->message : outcome->output;
    };
    EXPECT_NE(run_with(0).find("refused"), std::string::npos);
    EXPECT_EQ(run_with(1), "allowed\n");
}

/// By the path that /proc/self/cgroup has, with and without a namespace.
TEST_F(PayloadCgroup, ShowsTheContainerWhereItIs) {
    const BusyboxRoot root;
    const auto payload = launch::prepare_payload(unit_.get(), {}, -1, programs_);
    ASSERT_TRUE(payload) << payload.error().message;
    for (const bool own_namespace : {true, false}) {
        auto plan = make_plan(root, "own=$(sed -n s,^0::,,p /proc/self/cgroup); basename $own; "
                                    "head -n 1 /sys/fs/cgroup$own/cgroup.procs");
        if (!own_namespace)
            std::erase_if(plan.namespaces, [](const auto& row) { return row.kind == plan::NamespaceKind::cgroup; });
        plan.root.mounts.push_back(make_filesystem("cgroup2", "/sys/fs/cgroup"));
        plan.root.mounts.back().kind = plan::MountKind::cgroup;
        RunOptions options;
        options.cgroup = payload->get();
        const auto outcome = run(plan, options);
        ASSERT_TRUE(outcome) << outcome.error().message;
        ASSERT_FALSE(outcome->failure) << outcome->failure->message;
        EXPECT_EQ(outcome->output, own_namespace ? "/\n1\n" : "payload\n1\n");
    }
}

}  // namespace
}  // namespace xctl::test
