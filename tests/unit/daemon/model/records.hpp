// SPDX-License-Identifier: LGPL-2.1-or-later
// Records for the tests of what keeps them.
#pragma once

#include <gtest/gtest.h>

#include "daemon/model/record.hpp"

namespace xctl::test {

inline model::Record full_record() {
    using namespace std::chrono_literals;
    constexpr model::TimePoint kTime{1'234'567'890us};
    constexpr model::Instant kInstant{987'654'321us};
    model::Record record;
    record.life = "0123456789abcdef";
    record.machine.state = model::State::waiting;
    record.machine.start_again = true;
    record.machine.by_policy = true;
    record.machine.runs = 1ULL << 40;
    record.machine.restarts = 12;
    record.started = kTime;
    record.next_start = kTime + 5s;
    record.machine.started = kInstant;
    record.machine.ended = kInstant + 1s;
    record.machine.next_start = kInstant + 5s;
    record.machine.recent = {kInstant - 2s, kInstant - 1s};
    record.machine.last_exit = {model::ExitReason::oom_kill, 9, kTime + 1us, "it said \"\xc3\xa4\"\n"};
    record.placement = model::Placement::unit;
    record.unit = "oci@web.service";
    record.pid = 4711;
    record.args = {"sh", "-c", "echo  'a b'", ""};
    record.oci_version = "1.2.0";
    record.annotations = {{"a", "b"}, {"org.x", ""}};
    record.machine.stop_asked = true;
    record.end_request = {model::Cause::user, "kill SIGTERM by uid 7", 15, true};
    record.quarantine = "1 killed process cannot end";
    record.history = {{3, kTime, {model::ExitReason::launch_failed, 0, kTime, "no"}, model::Cause::hook, "stop by uid 0",
                       true, "/x/payload", "hook", "/bin/hook", 2, "last\nwords\n"}};
    return record;
}

inline void expect_fresh(const model::Record& record) {
    model::Record none;
    none.life = record.life;
    EXPECT_EQ(to_json(record), to_json(none));
    EXPECT_EQ(record.machine.state, model::State::created);
    EXPECT_EQ(record.pid, -1);
    EXPECT_EQ(record.oci_version, "1.3.0");
}

}  // namespace xctl::test
