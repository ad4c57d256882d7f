// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <optional>

#include "daemon/run/errand_executor.hpp"
#include "lib/attachment/hooks.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::run {
namespace {

using plan::Hook;

/// Hooks of a container that is being created, in a process beside the loop.
class HooksTest : public testing::Test {
protected:
    void start(const std::vector<Hook>& hooks, std::function<void(Result<>)> done) {
        attachments_.emplace(executor_);
        attachments_->add(std::make_unique<attachment::Hooks>(
            std::vector<attachment::Hooks::Group>{{attachment::Step::created, {}, hooks}},
            [](attachment::Step, pid_t init) { return "the state of " + std::to_string(init); }));
        if (auto outcome = attachments_->set_up(attachment::Step::created, {.init = 7}, done)) done(std::move(*outcome));
    }
    /// Until they are done.
    Result<> run(const std::vector<Hook>& hooks) {
        std::optional<Result<>> result;
        start(hooks, [&](Result<> done) {
            result = std::move(done);
            loop_.exit(0);
        });
        if (result) return *result;
        EXPECT_TRUE(loop_.run().has_value());
        return result.value_or(fail(Errc::system, "nobody was told"));
    }
    Hook shell(const std::string& script, std::uint32_t timeout = 0) {
        return {.path = "/bin/sh",
                .args = {"sh", "-c", "cd " + directory_.path().string() + "; " + script},
                .env = {},
                .timeout = timeout};
    }
    kernel::EventLoop loop_ = kernel::EventLoop::open().value();
    ErrandExecutor executor_{loop_};
    std::optional<attachment::Attachments> attachments_;
    test::TemporaryDirectory directory_;
};

TEST_F(HooksTest, IsDoneAtOnceWithoutHooks) {
    bool told = false;
    start({}, [&](const Result<>& done) { told = done.has_value(); });
    EXPECT_TRUE(told);
}

TEST_F(HooksTest, RunsThemInTheirOrderWithTheState) {
    ASSERT_TRUE(run({shell("cat >one"), shell("cat one - >two")}));
    EXPECT_EQ(directory_.read("two"), "the state of 7the state of 7");
}

TEST_F(HooksTest, EndsWithTheFirstThatFails) {
    const auto done = run({shell("exit 5"), shell("echo >never")});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "hook \"/bin/sh\": exit status 5");
    EXPECT_FALSE(std::filesystem::exists(directory_.path() / "never"));
}

TEST_F(HooksTest, KillsWhatTakesTooLong) {
    const auto done = run({shell("exec sleep 100", 1)});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "hook \"/bin/sh\": killed after 1 seconds");
}

TEST_F(HooksTest, WhatIsCancelledTakesItsChildrenAlong) {
    ASSERT_TRUE(::mkfifo((directory_.path() / "fifo").c_str(), 0600) == 0);
    const UniqueFd fifo(::open((directory_.path() / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    // The writing end is the grandchild's alone when the shell has told so.
    start({shell("(sleep 100 >fifo & echo >ready; wait)")}, [](const Result<>&) {});
    const auto await = [](auto&& condition) {
        for (int i = 0; i < 6000 && !condition(); ++i) ::usleep(10'000);
    };
    await([&] { return std::filesystem::exists(directory_.path() / "ready"); });
    char byte = 0;
    await([&] { return ::read(fifo.get(), &byte, 1) != 0; });
    ASSERT_EQ(::read(fifo.get(), &byte, 1), -1) << "somebody has it open";
    attachments_->cancel();
    ssize_t size = -1;
    await([&] { return (size = ::read(fifo.get(), &byte, 1)) >= 0; });
    EXPECT_EQ(size, 0) << "nobody has it open any more";
}

TEST_F(HooksTest, TellsNobodyWhenItIsCancelled) {
    bool told = false;
    start({shell("exec sleep 100")}, [&](const Result<>&) { told = true; });
    EXPECT_TRUE(attachments_->is_waiting());
    attachments_->cancel();
    EXPECT_FALSE(attachments_->is_waiting());
    kernel::EventSource end;
    loop_.arm(end, std::chrono::milliseconds(50), [&](std::uint32_t) { loop_.exit(0); });
    ASSERT_TRUE(loop_.run());
    EXPECT_FALSE(told);
}

}  // namespace
}  // namespace xctl::run
