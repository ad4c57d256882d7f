// SPDX-License-Identifier: LGPL-2.1-or-later
// What an image must not be able to do to the host while its container is made.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <fstream>
#include <string_view>

#include "tests/unit/launch/container.hpp"

namespace xctl::test {
namespace {

namespace fs = std::filesystem;

class Isolation : public testing::Test {
protected:
    void SetUp() override {
        if (const auto why = why_no_containers()) GTEST_SKIP() << *why;
    }

    static std::string output_of(const plan::LaunchPlan& plan) {
        const auto outcome = run(plan);
        if (!outcome) return outcome.error().message;
        return outcome->failure ? outcome->failure->message : outcome->output;
    }
};

TEST_F(Isolation, TargetsBehindLinksStayInside) {
    const BusyboxRoot root;
    const TemporaryDirectory outside;
    fs::create_directory_symlink(outside.path(), root.path() / fs::path("escape"));
    auto plan = make_plan(root, "echo started");
    plan.root.mounts.push_back(make_filesystem("tmpfs", "/escape/deep"));
    EXPECT_EQ(output_of(plan), "started\n");
    EXPECT_TRUE(fs::is_empty(outside.path()));
}

TEST_F(Isolation, ProcAndSysMustBeRealDirectories) {
    const BusyboxRoot root;
    fs::remove(root.path() + "/proc");
    fs::create_directory(root.path() + "/elsewhere");
    fs::create_directory_symlink("elsewhere", root.path() + "/proc");
    const auto text = output_of(make_plan(root, "echo started"));
    EXPECT_NE(text.find("mount /proc (proc)"), std::string::npos) << text;
    EXPECT_NE(text.find("symbolic link"), std::string::npos) << text;
}

TEST_F(Isolation, ALinkLeadsNoMountToTheKernelsFiles) {
    const TemporaryDirectory source;
    for (const auto* target : {"/mnt/sys", "/mnt"}) {
        for (const auto* led_to : {"/proc", "/sys"}) {
            const bool covers = std::string_view(led_to) == "/proc" || std::string_view(target) == "/mnt";
            if (!covers) continue;  // what is below the root of a sysfs may be covered
            const BusyboxRoot root;
            fs::create_symlink(led_to, root.path() + "/mnt");
            auto plan = make_plan(root, "echo started");
            plan.root.mounts.push_back(make_bind(source.path(), target));
            const auto text = output_of(plan);
            EXPECT_NE(text.find("symbolic link"), std::string::npos) << target << " in " << led_to << ": " << text;
        }
    }
}

TEST_F(Isolation, HarmlessFilesOfProcfsCanBeCovered) {
    const BusyboxRoot root;
    const TemporaryDirectory source;
    std::ofstream(source.path() / "uptime") << "1 2\n";
    auto plan = make_plan(root, "cat /proc/uptime");
    plan.root.mounts.push_back(make_bind(source.path() / "uptime", "/proc/uptime"));
    EXPECT_EQ(output_of(plan), "1 2\n");
}

TEST_F(Isolation, ALinkedDevDirectoryStaysInside) {
    const BusyboxRoot root;
    const TemporaryDirectory outside;
    fs::remove_all(root.path() + "/dev");
    fs::create_directory_symlink(outside.path(), root.path() + "/dev");
    auto plan = make_plan(root, "echo started");
    std::erase_if(plan.root.mounts, [](const auto& mount) { return mount.target.starts_with("/dev"); });
    output_of(plan);
    EXPECT_TRUE(fs::is_empty(outside.path()));
}

TEST_F(Isolation, AConsoleLinkIsNotFollowed) {
    const BusyboxRoot root;
    const TemporaryDirectory outside;
    fs::create_symlink(outside.path() / "victim", root.path() + "/dev/console");
    auto plan = make_plan(root, "echo started");
    std::erase_if(plan.root.mounts, [](const auto& mount) { return mount.target == "/dev"; });
    plan.process.terminal = true;
    const auto text = output_of(plan);
    EXPECT_NE(text.find("console /dev/console"), std::string::npos) << text;
    EXPECT_TRUE(fs::is_empty(outside.path()));
}

TEST_F(Isolation, MasksAreNotWhatTheImageSays) {
    const BusyboxRoot root;
    auto plan = make_plan(
        root, "stat -c %t:%T /proc/interrupts; wc -c </proc/interrupts; ls /proc/scsi /proc/acpi 2>/dev/null; "
              "echo x 2>/dev/null >/proc/sysrq-trigger || echo read-only");
    plan.root.masked_paths.push_back("/proc/interrupts");
    // The image's own /dev/null is a link to something that a mask must not expose.
    std::erase_if(plan.root.mounts, [](const auto& mount) { return mount.target == "/dev"; });
    std::erase_if(plan.root.devices, [](const auto& device) { return device.path == "/dev/null"; });
    fs::create_symlink("/proc/sys/kernel/core_pattern", root.path() + "/dev/null");
    const auto text = output_of(plan);
    EXPECT_EQ(text.substr(0, 6), "1:3\n0\n") << text;
}

TEST_F(Isolation, AReadOnlyRootStaysReadOnly) {
    const BusyboxRoot root;
    auto plan = make_plan(root, "touch /x 2>/dev/null || echo read-only; touch /dev/shm/y && echo writable");
    plan.root.read_only = true;
    EXPECT_EQ(output_of(plan), "read-only\nwritable\n");
}

TEST_F(Isolation, MountsDoNotReachTheHost) {
    const BusyboxRoot root;
    for (const std::uint64_t propagation : {std::uint64_t{0}, std::uint64_t{MS_PRIVATE | MS_REC},
                                            std::uint64_t{MS_SHARED | MS_REC}, std::uint64_t{MS_SLAVE | MS_REC}}) {
        auto plan = make_plan(root, "mount -t tmpfs none /tmp && grep -c ' / / ' /proc/self/mountinfo >/dev/null; "
                                    "echo started");
        plan.root.propagation = propagation;
        EXPECT_EQ(output_of(plan), "started\n");
        std::ifstream mounts("/proc/self/mountinfo");
        const std::string text{std::istreambuf_iterator<char>(mounts), {}};
        EXPECT_EQ(text.find(root.path()), std::string::npos) << text;
    }
}

TEST_F(Isolation, TheHostsRootIsGone) {
    const BusyboxRoot root;
    EXPECT_EQ(output_of(make_plan(root, "grep -c ' / ' /proc/mounts; wc -l </proc/mounts | tr -d ' '; "
                                        "grep -v -e ' /proc' -e ' /dev' -e ' /sys' -e ' / ' /proc/mounts; true"))
                  .substr(0, 2),
              "1\n");
}

}  // namespace
}  // namespace xctl::test
