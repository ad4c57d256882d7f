// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/record.hpp"

#include <gtest/gtest.h>

#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl {
namespace {

using namespace std::chrono_literals;

Record full_record() {
    constexpr TimePoint kTime{1'234'567'890us};
    constexpr Instant kInstant{987'654'321us};
    Record record;
    record.life = "0123456789abcdef";
    record.machine.state = State::waiting;
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
    record.machine.last_exit = {ExitReason::oom_kill, 9, kTime + 1us, "it said \"\xc3\xa4\"\n"};
    record.placement = Placement::unit;
    record.unit = "oci@web.service";
    record.pid = 4711;
    record.args = {"sh", "-c", "echo  'a b'", ""};
    record.oci_version = "1.2.0";
    record.annotations = {{"a", "b"}, {"org.x", ""}};
    record.machine.stop_asked = true;
    record.end_request = {Cause::user, "kill SIGTERM by uid 7", 15, true};
    record.quarantine = "1 killed process cannot end";
    record.history = {{3, kTime, {ExitReason::launch_failed, 0, kTime, "no"}, Cause::hook, "stop by uid 0", true, "/x/payload",
                       "hook", "/bin/hook", 2, "last\nwords\n"}};
    return record;
}

void expect_fresh(const Record& record) {
    Record none;
    none.life = record.life;
    EXPECT_EQ(to_json(record), to_json(none));
    EXPECT_EQ(record.machine.state, State::created);
    EXPECT_EQ(record.pid, -1);
    EXPECT_EQ(record.oci_version, "1.3.0");
}

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

class RunDirectoryTest : public testing::Test {
protected:
    [[nodiscard]] std::string base() const { return directory_.path() / "run/xctl"; }
    [[nodiscard]] RunDirectory open() const { return RunDirectory::open(base(), id_).value(); }

    test::TemporaryDirectory directory_;
    ContainerId id_ = ContainerId::parse("web").value();
};

TEST_F(RunDirectoryTest, IsMadeWithItsParents) {
    const auto run = open();
    expect_fresh(run.load());
    const auto status = std::filesystem::status(base() + "/web");
    EXPECT_TRUE(std::filesystem::is_directory(status));
    EXPECT_EQ(status.permissions(), std::filesystem::perms::owner_all);
    EXPECT_TRUE(RunDirectory::open(base(), id_));
}

TEST_F(RunDirectoryTest, KeepsTheRecord) {
    ASSERT_TRUE(open().save(full_record()));
    EXPECT_EQ(to_json(open().load()), to_json(full_record()));
    ASSERT_TRUE(open().save(Record{}));
    expect_fresh(open().load());
}

TEST_F(RunDirectoryTest, ADamagedRecordGivesAFreshOne) {
    for (const auto& text : {std::string(), std::string("{\"machine\""), to_json(full_record()).substr(0, 100)}) {
        directory_.write("run/xctl/web/record.json", text);
        expect_fresh(open().load());
    }
}

TEST_F(RunDirectoryTest, EveryFreshRecordBeginsALife) {
    const auto one = open().load().life, other = open().load().life;
    EXPECT_EQ(one.size(), 16u);
    EXPECT_NE(one, other);
    ASSERT_TRUE(open().save(open().load()));
    EXPECT_EQ(open().load().life, open().load().life);
}

TEST_F(RunDirectoryTest, ListsWhatHasAName) {
    (void)open();
    directory_.write("run/xctl/.x/file", "x");
    ASSERT_EQ(RunDirectory::list(base()).size(), 1u);
    EXPECT_EQ(RunDirectory::list(base()).front().str(), "web");
    EXPECT_TRUE(RunDirectory::list(base() + "/none").empty());
}

TEST_F(RunDirectoryTest, RemovingNothingIsNoError) { EXPECT_TRUE(RunDirectory::remove(base(), id_)); }

TEST_F(RunDirectoryTest, IsRemovedWithAllInIt) {
    ASSERT_TRUE(open().save(full_record()));
    directory_.write("run/xctl/web/more/file", "x");
    EXPECT_TRUE(RunDirectory::remove(base(), id_));
    EXPECT_FALSE(std::filesystem::exists(base() + "/web"));
    EXPECT_TRUE(std::filesystem::exists(base()));
    expect_fresh(open().load());
}

TEST_F(RunDirectoryTest, ALinkIsNotFollowed) {
    directory_.write("elsewhere/file", "x");
    std::filesystem::create_directories(base());
    std::filesystem::create_directory_symlink(directory_.path() / "elsewhere", base() + "/web");
    EXPECT_FALSE(RunDirectory::open(base(), id_));
}

}  // namespace
}  // namespace xctl
