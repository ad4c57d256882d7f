// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "lib/attachment/attachments.hpp"
#include "lib/attachment/hooks.hpp"

namespace xctl::attachment {
namespace {

plan::Hook shell(const std::string& script) {
    return {.path = "/bin/sh", .args = {"sh", "-c", script}, .env = {}, .timeout = 0};
}

Result<> end(std::vector<plan::Hook> hooks, pid_t init) {
    Inline executor;
    Attachments attachments(executor);
    attachments.add(std::make_unique<Hooks>(std::vector<Hooks::Group>{{Step::ended, "poststop", std::move(hooks)}},
                                            [](Step, pid_t) { return std::string("state"); }));
    EXPECT_TRUE(attachments.set_up(Step::recover, {}, {}).value());
    return attachments.take_down({.init = init}, {}).value();
}

TEST(HooksAtTheEnd, RunAllAndTellOfEachThatFails) {
    const auto done = end({shell("exit 3"), shell("exit 0"), shell("exit 4")}, 7);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().step, "hook");
    EXPECT_NE(done.error().message.find("exit status 3; "), std::string::npos) << done.error().message;
    EXPECT_NE(done.error().message.find("exit status 4"), std::string::npos) << done.error().message;
}

TEST(HooksAtTheEnd, DoNotRunWhereNoContainerWasCreated) { EXPECT_TRUE(end({shell("exit 3")}, -1)); }

}  // namespace
}  // namespace xctl::attachment
