// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/errand.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <optional>

namespace xctl::run {
namespace {

class ErrandTest : public testing::Test {
protected:
    Errand::Done take() {
        return [this](Result<> done) {
            result_ = std::move(done);
            loop_.exit(0);
        };
    }
    kernel::EventLoop loop_ = kernel::EventLoop::open().value();
    Errand errand_{loop_};
    std::optional<Result<>> result_;
};

TEST_F(ErrandTest, ErrorsComeBackWhole) {
    errand_.start(
        []() -> Result<> {
            return std::unexpected(Error{Errc::timeout, 5, "what\nwent wrong", "mount", "/data"});
        },
        take());
    ASSERT_TRUE(loop_.run());
    ASSERT_TRUE(result_ && !*result_);
    const auto& error = result_->error();
    EXPECT_EQ(error.code, Errc::timeout);
    EXPECT_EQ(error.sys_errno, 5);
    EXPECT_EQ(error.message, "what\nwent wrong");
    EXPECT_EQ(error.step, "mount");
    EXPECT_EQ(error.path, "/data");
}

TEST_F(ErrandTest, SuccessIsTold) {
    errand_.start([]() -> Result<> { return {}; }, take());
    ASSERT_TRUE(loop_.run());
    EXPECT_TRUE(result_ && *result_);
    EXPECT_FALSE(errand_.is_running());
}

TEST_F(ErrandTest, ASuddenDeathIsAFailure) {
    errand_.start([]() -> Result<> { ::raise(SIGKILL); return {}; }, take());
    ASSERT_TRUE(loop_.run());
    ASSERT_TRUE(result_ && !*result_);
    EXPECT_EQ(result_->error().message, "its process was killed");
}

TEST_F(ErrandTest, WhoGivesUpIsToldAtOnceAndTheProcessEnds) {
    errand_.start([]() -> Result<> { ::pause(); return {}; }, [this](Result<> done) { result_ = std::move(done); });
    errand_.give_up({Errc::timeout, 0, "too late", {}, {}});
    ASSERT_TRUE(result_ && !*result_);
    EXPECT_EQ(result_->error().code, Errc::timeout);
    EXPECT_TRUE(errand_.is_running()) << "until the kernel lets it go";
    kernel::EventSource slot;
    int turns = 0;
    std::function<void(std::uint32_t)> look = [&](std::uint32_t) {
        if (!errand_.is_running() || ++turns == 6000) return loop_.exit(0);
        loop_.arm(slot, std::chrono::milliseconds(10), look);
    };
    loop_.arm(slot, std::chrono::milliseconds(10), look);
    ASSERT_TRUE(loop_.run());
    EXPECT_FALSE(errand_.is_running());
}

}  // namespace
}  // namespace xctl::run
