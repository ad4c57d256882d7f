// SPDX-License-Identifier: LGPL-2.1-or-later
// Trees that a container may have made: deeper than descriptors, the stack and PATH_MAX allow.
#include "lib/kernel/cgroup_tree.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <format>
#include <string>

#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/random.hpp"

namespace xctl::kernel {
namespace {

/// Of this process alone: another test run may share our cgroup.
const std::string kTop = std::format("xctl-cgroup-tree-{:x}", random_bits());

class CgroupTree : public testing::Test {
protected:
    void SetUp() override {
        const auto own = read_own_cgroup_path();
        auto parent = own ? open_cgroup(*own) : std::unexpected(own.error());
        auto top = parent ? make_cgroup_at(parent->get(), kTop) : std::unexpected(parent.error());
        if (!top) GTEST_SKIP() << "no writable cgroup v2: " << top.error().message;
        parent_ = std::move(*parent);
        top_ = std::move(*top);
    }
    void TearDown() override {
        for (const auto& child : children_) {
            (void)send_signal(child.pidfd.get(), SIGKILL);
            (void)wait_exit(child.pidfd.get());
        }
        if (!top_) return;
        EXPECT_TRUE(remove_cgroup_at(parent_.get(), kTop));
    }

    /// The lowest of that many below each other.
    [[nodiscard]] UniqueFd nest(int levels, const std::string& name) const {
        auto at = open_cgroup_at(top_.get(), "").value();
        for (int i = 0; i < levels; ++i) at = make_cgroup_at(at.get(), name).value();
        return at;
    }

    void start_sleeper(int cgroup) {
        auto child = clone_process({.flags = 0, .exit_signal = SIGCHLD, .cgroup = cgroup}).value();
        if (child.pid == 0)
            while (true) ::pause();
        children_.push_back(std::move(child));
    }

    UniqueFd parent_, top_;
    std::vector<Child> children_;
};

class FewDescriptors {
public:
    FewDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit few{64, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST_F(CgroupTree, MayBeDeeperThanThereAreDescriptorsAndLongerThanAPath) {
    const FewDescriptors few;
    const std::string name(200, 'c');
    {
        const auto lowest = nest(100, name);
        start_sleeper(lowest.get());
    }
    EXPECT_EQ(read_tree(top_.get()).value(), std::vector<pid_t>{children_.front().pid});
    std::size_t longest = 0;
    ASSERT_TRUE(visit_cgroups(top_.get(), [&](int, const std::string& path) {
        longest = std::max(longest, path.size());
        return true;
    }));
    EXPECT_EQ(longest, 100 * 201U);
    EXPECT_EQ(remove_cgroups_below(top_.get()).error().sys_errno, EBUSY);
    ASSERT_TRUE(signal_cgroup(top_.get(), SIGTERM));
    EXPECT_EQ(wait_exit(children_.front().pidfd.get(), Reap::yes).value().value, SIGTERM);
    children_.clear();
    ASSERT_TRUE(remove_cgroups_below(top_.get()));
    EXPECT_TRUE(list_cgroups(top_.get()).value().empty());
}

TEST_F(CgroupTree, ASignalReachesAllOfMany) {
    constexpr std::size_t kMany = 300;
    const auto below = nest(2, "b");
    for (std::size_t i = 0; i < kMany; ++i) start_sleeper(i % 2 == 0 ? top_.get() : below.get());
    ASSERT_EQ(read_tree(top_.get()).value().size(), kMany);
    ASSERT_TRUE(signal_cgroup(top_.get(), SIGTERM));
    for (const auto& child : children_) EXPECT_EQ(wait_exit(child.pidfd.get()).value().value, SIGTERM);
    children_.clear();
}

TEST_F(CgroupTree, AVisitEndsWhenItHasSeenEnough) {
    (void)nest(3, "a");
    int seen = 0;
    ASSERT_TRUE(visit_cgroups(top_.get(), [&](int, const std::string&) { return ++seen < 2; }));
    EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace xctl::kernel
