// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/notices.hpp"

#include <gtest/gtest.h>

#include <set>

namespace xctl::console {
namespace {

model::RunRecord run_that(model::ExitReason reason, int status, std::string message) {
    model::RunRecord run;
    run.number = 4;
    run.exit = {reason, status, {}, std::move(message)};
    return run;
}

TEST(Notices, NameTheEndAsSystemdDoes) {
    const auto exited = notice_of_end(run_that(model::ExitReason::exited, 3, ""));
    EXPECT_EQ(exited.kind, NoticeKind::ended);
    EXPECT_EQ(exited.text, "exited with status 3");
    EXPECT_EQ(exited.fields, "EXIT_CODE=exited\nEXIT_STATUS=3\nCONTAINER_RUN=4\nCONTAINER_END_CAUSE=itself\n");
    const auto killed = notice_of_end(run_that(model::ExitReason::signal, 11, "killed by SIGSEGV, core dumped"));
    EXPECT_EQ(killed.text, "killed by SIGSEGV, core dumped");
    EXPECT_TRUE(killed.fields.starts_with("EXIT_CODE=killed\nEXIT_STATUS=11\n"));
    const auto oom = notice_of_end(run_that(model::ExitReason::oom_kill, 9, "its memory was used up"));
    EXPECT_TRUE(oom.fields.starts_with("EXIT_CODE=killed\nEXIT_STATUS=9\n"));
}

TEST(Notices, SayWhatWasAskedAndDidNotHappen) {
    auto run = run_that(model::ExitReason::signal, 9, "killed by SIGKILL");
    run.cause = model::Cause::user;
    run.by = "stop by uid 0";
    run.timed_out = true;
    EXPECT_EQ(notice_of_end(run).text,
              "killed by SIGKILL; after stop by uid 0; it did not end in time when it was asked to");
}

TEST(Notices, ALaunchThatFailsHasNoExitStatus) {
    const auto notice = notice_of_end(run_that(model::ExitReason::launch_failed, 0, "mount /x: no such device"));
    EXPECT_EQ(notice.kind, NoticeKind::launch_failed);
    EXPECT_EQ(notice.text, "mount /x: no such device");
    EXPECT_EQ(notice.fields, "CONTAINER_RUN=4\nCONTAINER_END_CAUSE=itself\n");
}

TEST(Notices, ACgroupMakesNoFieldOfItsOwn) {
    EXPECT_EQ(notice_of_oom(2, "/a\nPRIORITY=0").fields.find('\n'), notice_of_oom(2, "/a\nPRIORITY=0").fields.size() - 1);
    EXPECT_EQ(notice_of_oom(2, "").fields, "");
}

TEST(Notices, HaveIdsOfTheirOwn) {
    std::set<std::string_view> ids;
    for (const auto& row : kNotices) {
        EXPECT_EQ(row.message_id.size(), 32U);
        EXPECT_TRUE(ids.insert(row.message_id).second);
    }
}

}  // namespace
}  // namespace xctl::console
