// SPDX-License-Identifier: LGPL-2.1-or-later
// How a program is confined, scheduled and served.
#include <sched.h>

#include "lib/kernel/file.hpp"
#include "tests/unit/launch/fixture.hpp"

namespace xctl::test {
namespace {

using LaunchManner = Launch;

bool has_apparmor() {
    const auto text = kernel::read_file_at(AT_FDCWD, "/sys/module/apparmor/parameters/enabled");
    return text && text->starts_with('Y');
}

TEST_F(LaunchManner, SetsSchedulerAndPriorities) {
    const BusyboxRoot root;
    // Nice value and policy, proc_pid_stat(5).
    auto plan = make_plan(root, "cut -d' ' -f19,41 /proc/$$/stat; ionice -p $$");
    plan.process.scheduler = plan::Scheduler{.policy = SCHED_BATCH, .nice = 7};
    plan.process.io_priority = 2U << 13 | 6U;
    EXPECT_EQ(output_of(plan), "7 3\nbest-effort: prio 6\n");
}

TEST_F(LaunchManner, RunsInRealTime) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "cut -d' ' -f40,41 /proc/$$/stat");
    plan.process.scheduler = plan::Scheduler{.policy = SCHED_FIFO, .flags = 1, .priority = 11};
    const auto outcome = run(plan);
    ASSERT_TRUE(outcome) << outcome.error().message;
    if (outcome->failure && outcome->failure->sys_errno == EPERM) GTEST_SKIP() << outcome->failure->message;
    EXPECT_EQ(outcome->output, "11 1\n");
}

TEST_F(LaunchManner, NamesTheStepThatTheKernelRefuses) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "true");
    plan.process.scheduler = plan::Scheduler{.policy = 4, .nice = 3};  // SCHED_ISO
    EXPECT_EQ(failure_of(plan).message, "scheduler SCHED_ISO nice=3: Invalid argument");
}

TEST_F(LaunchManner, PretendsToBe32Bit) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "uname -m");
    plan.process.personality = 8;
#if defined(__x86_64__)
    EXPECT_EQ(output_of(plan), "i686\n");
#endif
    plan.process.personality = 0;
    EXPECT_NE(output_of(plan), "i686\n");
}

TEST_F(LaunchManner, TakesMemoryFromTheGivenNodes) {
    if (!std::filesystem::exists("/sys/devices/system/node/node0")) GTEST_SKIP() << "the kernel knows no nodes";
    const BusyboxRoot root;
    auto plan = make_plan(root, "cut -d' ' -f2 /proc/self/numa_maps | head -1");
    plan.process.memory_policy = plan::MemoryPolicy{.mode = 2U | 1U << 15, .nodes = {1}};
    const auto output = output_of(plan);
    EXPECT_EQ(output.substr(0, 11), "bind=static") << output;
    plan.process.memory_policy = plan::MemoryPolicy{.mode = 4, .nodes = {}};
    EXPECT_EQ(output_of(plan).substr(0, 5), "local");
}

TEST_F(LaunchManner, RunsOnAllCpusOrThoseThatItIsGiven) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "sed -n 's/Cpus_allowed_list:.//p' /proc/self/status");
    const auto all = output_of(plan);
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    cpu_set_t ours;
    ASSERT_EQ(::sched_getaffinity(0, sizeof ours, &ours), 0);
    if (::sched_setaffinity(0, sizeof first, &first) < 0) GTEST_SKIP() << "we may not run on the first CPU";
    EXPECT_EQ(output_of(plan), all);
    ASSERT_EQ(::sched_setaffinity(0, sizeof ours, &ours), 0);
    plan.process.cpus = {1};
    EXPECT_EQ(output_of(plan), "0\n");
    plan.process.cpus = {};
    plan.process.first_cpus = {1};
    EXPECT_EQ(output_of(plan), "0\n");
    cpu_set_t after;
    ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
    EXPECT_TRUE(CPU_EQUAL(&ours, &after));
}

TEST_F(LaunchManner, PassesOverLabelsThatTheKernelDoesNotKnow) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "echo runs");
    if (std::filesystem::exists("/sys/fs/selinux/enforce")) GTEST_SKIP() << "the kernel has SELinux";
    plan.process.selinux_label = "system_u:system_r:container_t:s0";
    plan.root.mount_label = "system_u:object_r:container_file_t:s0";
    if (!has_apparmor()) plan.process.apparmor_profile = "no-such-profile";
    EXPECT_EQ(output_of(plan), "runs\n");
}

TEST_F(LaunchManner, RefusesAProfileThatIsNotLoaded) {
    if (!has_apparmor()) GTEST_SKIP() << "the kernel has no AppArmor";
    const BusyboxRoot root;
    auto plan = make_plan(root, "true");
    plan.process.apparmor_profile = "no-such-profile";
    const auto failure = failure_of(plan);
    EXPECT_EQ(failure.step, "AppArmor profile");
    EXPECT_EQ(failure.path, "no-such-profile");
}

}  // namespace
}  // namespace xctl::test
