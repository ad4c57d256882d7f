// SPDX-License-Identifier: LGPL-2.1-or-later
// What is done to the root of a running container. tests/system/hostile_root.sh has containers that resist.
#include "lib/launch/parent/live_root.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "lib/kernel/process.hpp"
#include "lib/kernel/socket.hpp"
#include "tests/unit/launch/container.hpp"

namespace xctl::launch {
namespace {

/// A process in a mount namespace of its own.
class LiveRoot : public testing::Test {
protected:
    void SetUp() override {
        auto pair = kernel::make_socket_pair(SOCK_STREAM).value();
        auto child = kernel::clone_process({.flags = CLONE_NEWNS, .exit_signal = SIGCHLD, .cgroup = -1});
        if (!child) GTEST_SKIP() << child.error().message;
        if (child->pid == 0) hold(pair.second.get());
        child_ = std::move(*child);
        pair.second.reset();
        char ready = 0;
        ASSERT_EQ(::read(pair.first.get(), &ready, 1), 1) << "no mount namespace of its own";
    }
    void TearDown() override {
        if (!child_.pidfd) return;
        (void)kernel::send_signal(child_.pidfd.get(), SIGKILL);
        (void)kernel::wait_exit(child_.pidfd.get());
    }

    [[noreturn]] static void hold(int ready) {
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 || ::write(ready, "!", 1) != 1) ::_exit(1);
        while (true) ::pause();
    }

    /// In a process of its own, since who changes a root does not come back. `judge` says whether all is as it should be.
    template <class Judge>
    [[nodiscard]] bool changes(const RootChange& change, Judge&& judge) const {
        auto child = kernel::clone_process({.flags = 0, .exit_signal = SIGCHLD, .cgroup = -1}).value();
        if (child.pid == 0) ::_exit(judge(change_live_root(child_.pidfd.get(), change)) ? 0 : 1);
        return kernel::wait_exit(child.pidfd.get()).value() == kernel::ExitStatus{};
    }

    /// A bind of source_ on inside_.
    [[nodiscard]] RootChange bind() const {
        RootChange change;
        change.root = "/none";
        change.mounts = {test::make_bind(source_.path(), inside_)};
        return change;
    }

    kernel::Child child_;
    const test::TemporaryDirectory source_, target_;
    const std::filesystem::path inside_ = target_.path() / "inside";
};

TEST_F(LiveRoot, IsChangedByWhoCannotBeTraced) {
    EXPECT_TRUE(changes({}, [](const auto& changed) { return changed && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0; }));
}

TEST_F(LiveRoot, GivesNumbersByWhichMountsGoAgain) {
    EXPECT_TRUE(changes(bind(), [&](const auto& changed) {
        if (!changed || changed->size() != 1) return false;
        std::filesystem::create_directory(inside_ / "seen");
        RootChange back;
        back.gone_mounts = *changed;
        // It has joined that namespace already.
        return change_live_root(child_.pidfd.get(), back) && std::filesystem::is_empty(inside_);
    }));
    EXPECT_TRUE(std::filesystem::exists(source_.path() / "seen"));
}

TEST_F(LiveRoot, TakesNoOtherMountAway) {
    EXPECT_TRUE(changes(bind(), [&](const auto& changed) {
        if (!changed) return false;
        // Something else lies on it.
        if (::mount("tmpfs", inside_.c_str(), "tmpfs", 0, nullptr) < 0) return false;
        RootChange back;
        back.gone_mounts = *changed;
        const auto refused = change_live_root(child_.pidfd.get(), back);
        return !refused && refused.error().message.contains("has covered or keeps moving") &&
               ::umount2(inside_.c_str(), MNT_DETACH) == 0 && ::umount2(inside_.c_str(), MNT_DETACH) == 0;
    }));
}

TEST_F(LiveRoot, FollowsNoLinkOutOfTheContainersRoot) {
    const test::TemporaryDirectory root, outside;
    std::filesystem::create_symlink(outside.path(), root.path() / "link");
    RootChange change;
    change.root = root.path();
    change.mounts = {test::make_bind(root.path() / "link", root.path() / "target")};
    EXPECT_TRUE(changes(change, [](const auto& changed) { return !changed; }));
}

}  // namespace
}  // namespace xctl::launch
