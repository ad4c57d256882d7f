// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers as people and scripts see them.
#include "client/render.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "api/errors.hpp"

namespace xctl::client {
namespace {

const Time kNow(std::chrono::seconds(1'700'000'200));

api::ContainerInfo stopped() {
    api::ContainerInfo info;
    info.name = "database";
    info.state = "stopped";
    info.bundle = "/srv/db";
    info.started = 1'700'000'000'000'000;
    info.exited = 1'700'000'100'000'000;
    info.exit_reason = "signal";
    info.exit_status = SIGKILL;
    info.console_begin = 1024;
    info.console_end = 4096;
    return info;
}

TEST(Render, ListIsAligned) {
    api::ContainerInfo web;
    web.name = "web";
    web.state = "running";
    web.pid = 1234;
    web.bundle = "/srv/web";
    web.started = 1'700'000'195'000'000;
    web.restarts = 2;
    const std::vector containers{stopped(), web};
    EXPECT_EQ(render_list(containers, kNow),
              "NAME      STATE    PID   STARTED       RESTARTS  EXIT         BUNDLE\n"
              "database  stopped  -     3min 20s ago  0         signal KILL  /srv/db\n"
              "web       running  1234  5s ago        2         -            /srv/web\n");
}

TEST(Render, AnEmptyListIsItsHeader) {
    EXPECT_EQ(render_list({}, kNow), "NAME  STATE  PID  STARTED  RESTARTS  EXIT  BUNDLE\n");
    EXPECT_EQ(json_of(std::vector<api::ContainerInfo>()), "[]");
}

TEST(Render, StateLeavesOutWhatIsUnknown) {
    const auto text = render_state(stopped(), kNow);
    EXPECT_NE(text.find("    Exited: signal KILL, 2023-11-14T22:15:00.000Z (1min 40s ago)\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("   Console: 4.0K printed, 3.0K kept\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("Next start"), std::string::npos);
    EXPECT_EQ(text.find("PID"), std::string::npos);
}

TEST(Render, TheFutureReadsAsSuch) {
    auto info = stopped();
    info.next_start = 1'700'000'203'000'000;
    EXPECT_NE(render_state(info, kNow).find("(in 3s)"), std::string::npos);
}

TEST(Render, EventsAreOneLine) {
    api::Event event;
    event.name = "web";
    event.event = "stopped";
    event.time = 1'700'000'000'123'000;
    event.exit_reason = "exited";
    event.exit_status = 3;
    event.message = "two\nlines";
    EXPECT_EQ(render_event(event), "2023-11-14T22:13:20.123Z web stopped exited 3: two?lines\n");
    EXPECT_EQ(json_of(event),
              "{\"sequence\":0,\"time\":1700000000123000,\"event\":\"stopped\",\"name\":\"web\","
              "\"exitReason\":\"exited\",\"exitStatus\":3,\"message\":\"two\\u000alines\"}");
}

TEST(Render, ControlCharactersStayOffTheTerminal) { EXPECT_EQ(printable("a\x1b[2Jb\x7f"), "a?[2Jb?"); }

TEST(Render, ExitStatusForShells) {
    auto info = stopped();
    EXPECT_EQ(exit_status_of(info), api::kExitSignalBase + SIGKILL);
    info.exit_reason = "oom-kill";
    EXPECT_EQ(exit_status_of(info), api::kExitSignalBase + SIGKILL);
    info.exit_reason = "exited";
    info.exit_status = 3;
    EXPECT_EQ(exit_status_of(info), 3);
    info.exit_reason = "launch-failed";
    EXPECT_EQ(exit_status_of(info), api::kExitOwnFailure);
}

TEST(Render, WhyInAParagraph) {
    api::RunInfo run;
    EXPECT_EQ(render_why("web", run, kNow), "web has not ended yet.\n");
    run.run = 3;
    run.ended = 1;
    run.exit_reason = "launch-failed";
    run.message = "mount /x: no";
    run.step = "mount";
    run.path = "/x";
    run.error = 2;
    run.console = "one\n\x1b[2Jtwo\n";
    run.timed_out = true;
    const auto text = render_why("web", run, kNow);
    EXPECT_NE(text.find("Run 3 of web could not be launched"), std::string::npos) << text;
    EXPECT_NE(
        text.find("; mount /x: no; step \"mount\", path \"/x\", errno 2 (No such file or directory); it did not end"),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("    one\n    ?[2Jtwo\n"), std::string::npos) << text;
}

TEST(Render, StatsLeaveOutLimitsThatAreNone) {
    api::Stats stats;
    stats.memory = 3 << 20;
    stats.memory_limit = UINT64_MAX;
    stats.processes = 2;
    stats.processes_limit = 10;
    const std::vector<api::Interface> interfaces{{"eth0", {"10.0.0.2/24"}, true, 2048, 1, 0, 0, 10, 1, 0, 0}};
    const auto text = render_stats(stats, interfaces);
    EXPECT_NE(text.find("Memory: 3.0M, "), std::string::npos) << text;
    EXPECT_NE(text.find("Processes: 2 of 10\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Network: eth0 10.0.0.2/24, 2.0K received, 10B sent\n"), std::string::npos) << text;
    EXPECT_NE(json_of(stats, interfaces).find("\"interfaces\":[{\"name\":\"eth0\",\"addresses\":[\"10.0.0.2/24\"]"),
              std::string::npos);
}

}  // namespace
}  // namespace xctl::client
