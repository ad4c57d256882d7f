// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/record.hpp"

#include <gtest/gtest.h>

#include "tests/unit/daemon/model/records.hpp"

namespace xctl::model {
namespace {

using namespace test;

TEST(RecordJson, WhatIsWrittenIsReadBack) {
    const auto record = full_record();
    const auto back = parse_record(to_json(record)).value();
    EXPECT_EQ(back.life, record.life);
    EXPECT_EQ(back.machine.state, record.machine.state);
    EXPECT_TRUE(back.machine.start_again);
    EXPECT_TRUE(back.machine.by_policy);
    EXPECT_EQ(back.machine.runs, record.machine.runs);
    EXPECT_EQ(back.machine.restarts, record.machine.restarts);
    EXPECT_EQ(back.started, record.started);
    EXPECT_EQ(back.next_start, record.next_start);
    EXPECT_EQ(back.machine.started, record.machine.started);
    EXPECT_EQ(back.machine.ended, record.machine.ended);
    EXPECT_EQ(back.machine.next_start, record.machine.next_start);
    EXPECT_EQ(back.machine.recent, record.machine.recent);
    EXPECT_EQ(back.machine.last_exit.reason, ExitReason::oom_kill);
    EXPECT_EQ(back.machine.last_exit.status, 9);
    EXPECT_EQ(back.machine.last_exit.time, record.machine.last_exit.time);
    EXPECT_EQ(back.machine.last_exit.message, record.machine.last_exit.message);
    EXPECT_EQ(back.placement, Placement::unit);
    EXPECT_EQ(back.unit, record.unit);
    EXPECT_EQ(back.pid, record.pid);
    EXPECT_EQ(back.args, record.args);
    // Whatever is added to it as well.
    EXPECT_EQ(to_json(back), to_json(record));
    EXPECT_EQ(back.oci_version, record.oci_version);
    EXPECT_EQ(back.annotations, record.annotations);
    EXPECT_EQ(to_json(back), to_json(record));
}

TEST(RecordJson, EveryWordIsReadBack) {
    Record record;
    for (const auto& [word, state] : kStates) {
        record.machine.state = state;
        EXPECT_EQ(parse_record(to_json(record)).value().machine.state, state) << word;
    }
    for (const auto& [word, reason] : kExitReasons) {
        record.machine.last_exit.reason = reason;
        EXPECT_EQ(parse_record(to_json(record)).value().machine.last_exit.reason, reason) << word;
    }
}

TEST(RecordJson, MissingMembersKeepTheirDefaults) { expect_fresh(parse_record(R"({"machine": {}})").value()); }

TEST(RecordJson, BytesThatAreNoTextDoNotBreakTheFile) {
    Record record;
    record.machine.last_exit.message = "\xff\xfe";
    record.args = {"\x80"};
    const auto back = parse_record(to_json(record));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->args, std::vector<std::string>{"\xef\xbf\xbd"});
}

TEST(RecordJson, DamageIsAnError) {
    for (const auto* text : {"", "{", "[]", "null", "{}", R"({"machine": 1})", R"({"machine": {"runs": "x"}})",
                             R"({"machine": {"recentMonotonic": {}}})", R"({"machine": {}, "args": [1]})",
                             R"({"machine": {}, "annotations": []})", R"({"machine": {"lastExit": 3}})"})
        EXPECT_FALSE(parse_record(text)) << text;
}

TEST(RecordJson, NumbersThatDoNotFit) {
    for (const auto* text : {R"({"machine": {"runs": 1e300}})", R"({"machine": {"runs": -1}})",
                             R"({"machine": {"lastExit": {"status": 4294967296}}})",
                             R"({"machine": {"lastExit": {"status": 1e300}}})", R"({"machine": {}, "started": 1e300})",
                             R"({"machine": {"startedMonotonic": 1e300}})",
                             R"({"machine": {"recentMonotonic": [18446744073709551615]}})",
                             R"({"machine": {}, "pid": 4294967297})"})
        EXPECT_FALSE(parse_record(text)) << text;
    // A time that the clock cannot express is the last one that it can.
    const auto late =
        parse_record(R"({"machine": {"startedMonotonic": 9223372036854775807, "nextStartMonotonic": -1},
                         "started": 9223372036854775807, "nextStart": -9223372036854775808})");
    ASSERT_TRUE(late);
    EXPECT_GT(late->started, TimePoint::max() - std::chrono::milliseconds(1));
    EXPECT_EQ(late->next_start, TimePoint());
    EXPECT_GT(late->machine.started, Instant::max() - std::chrono::milliseconds(1));
    EXPECT_EQ(late->machine.next_start, Instant());
}

}  // namespace
}  // namespace xctl::model
