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

TEST(Render, ControlCharactersStayOffTheTerminal) {
    const std::string bad = "a\x1b[2J\xc2\x9b" "31m\xe2\x80\xae\xff\n";
    const std::string shown = "a?[2J?31m?\xef\xbf\xbd?";
    const std::vector<api::Process> processes{{1, 1, 0, 0, bad, bad}};
    EXPECT_EQ(render_processes(processes, 0), "PID  INNER  PARENT  UID  STATE" + std::string(shown.size() - 2 - 5, ' ') +
                                               "  COMMAND\n1    1      0       0    " + shown + "  " + shown + "\n");
    const std::vector<api::Interface> interfaces{{bad, {bad}, true}};
    EXPECT_NE(render_stats({}, interfaces, 0).find("Network: " + shown + " " + shown + ", 0B"), std::string::npos);
    auto info = stopped();
    info.name = info.message = bad;
    EXPECT_NE(render_state(info, kNow).find("Message: " + shown + "\n"), std::string::npos);
    EXPECT_NE(render_list(std::vector{info}, kNow).find("\n" + shown + "  "), std::string::npos);
    api::RunInfo run;
    run.run = 1;
    run.message = run.console = bad;
    EXPECT_NE(render_why("web", run, kNow).find("; " + shown + ".\n"), std::string::npos);
    EXPECT_NE(render_why("web", run, kNow).find("    " + shown.substr(0, shown.size() - 1) + "\n"), std::string::npos);
    EXPECT_NE(render_history(std::vector{run}, kNow).find("  " + shown + "\n"), std::string::npos);
}

TEST(Render, ControlCharactersAreEscapedInJson) {
    EXPECT_EQ(json_text("a\x1b\xc2\x9b\xe2\x80\xae\xff\\\""), R"("a\u001b\u009b\u202e\ufffd\\\"")");
    EXPECT_EQ(json_document("{\"a\\n\": \"\xc2\x9b\",\n \"h\xc3\xb6he\": 1}"),
              "{\"a\\n\": \"\\u009b\",\n \"h\xc3\xb6he\": 1}");
}

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
    EXPECT_EQ(render_why("web", run, kNow), "No run of web has ended yet.\n");
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

TEST(Render, StatsShowWhatNobodyKnowsAsThat) {
    const api::Stats stats;
    const auto text = render_stats(stats, {}, 0);
    EXPECT_NE(text.find("Memory: -\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Processes: -\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Block I/O: - read, - written\n"), std::string::npos) << text;
    EXPECT_NE(json_of(stats, {}, 0).find("\"memory\":null,"), std::string::npos);
}

TEST(Render, StatsLeaveOutLimitsThatAreNone) {
    api::Stats stats;
    stats.memory = 3 << 20;
    stats.processes = 2;
    stats.processes_limit = 10;
    const std::vector<api::Interface> interfaces{{"eth0", {"10.0.0.2/24"}, true, 2048, 1, 0, 0, 10, 1, 0, 0}};
    const auto text = render_stats(stats, interfaces, 0);
    EXPECT_NE(text.find("Memory: 3.0M, "), std::string::npos) << text;
    EXPECT_NE(text.find("Processes: 2 of 10\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Network: eth0 10.0.0.2/24, 2.0K received, 10B sent\n"), std::string::npos) << text;
    EXPECT_NE(json_of(stats, interfaces, 0).find("\"interfaces\":[{\"name\":\"eth0\",\"addresses\":[\"10.0.0.2/24\"]"),
              std::string::npos);
}

TEST(Render, WhatIsLeftOutIsCounted) {
    const std::vector<api::Process> processes{{1, 1, 0, 0, "S", "init"}};
    EXPECT_TRUE(render_processes(processes, 1234).ends_with("init\n... and 1234 more processes\n"));
    EXPECT_TRUE(render_processes(processes, 0).ends_with("init\n"));
    api::Interface interface;
    interface.name = "eth0";
    interface.up = true;
    interface.addresses = {"10.0.0.2/24"};
    interface.addresses_left_out = 30;
    const std::vector interfaces{interface};
    const auto text = render_stats({}, interfaces, 7);
    EXPECT_NE(text.find("Network: eth0 10.0.0.2/24 ... and 30 more addresses, 0B received"), std::string::npos) << text;
    EXPECT_NE(text.find("Network: ... and 7 more interfaces\n"), std::string::npos) << text;
    EXPECT_TRUE(json_of(api::Stats(), interfaces, 7).ends_with(",\"addressesLeftOut\":30}],\"leftOut\":7}"));
}

}  // namespace
}  // namespace xctl::client
