// SPDX-License-Identifier: LGPL-2.1-or-later
// Statistics out of the cgroups of a container: its own, those of its unit, and what neither has.
#include "daemon/run/readings.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lib/kernel/file.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::run {
namespace {

class ReadingsTest : public testing::Test {
protected:
    ReadingsTest() { std::filesystem::create_directory(unit_.path() / "payload"); }
    api::Stats stats() {
        const auto payload = kernel::open_at(AT_FDCWD, (unit_.path() / "payload").string(), O_RDONLY | O_DIRECTORY);
        return read_stats("web", payload.value().get());
    }
    test::TemporaryDirectory unit_;
};

TEST_F(ReadingsTest, NothingIsKnownWithoutFiles) {
    const auto found = stats();
    EXPECT_EQ(found.memory, std::nullopt);
    EXPECT_EQ(found.memory_limit, std::nullopt);
    EXPECT_EQ(found.oom_kills, std::nullopt);
    EXPECT_EQ(found.read_bytes, std::nullopt);
    EXPECT_EQ(found.processes, std::nullopt);
    EXPECT_EQ(found.cpu_some, std::nullopt);
}

TEST_F(ReadingsTest, TheUnitKnowsWhatThePayloadDoesNot) {
    unit_.write("memory.current", "4096\n");
    unit_.write("memory.stat", "anon 1\nfile 2\n");
    unit_.write("pids.current", "5\n");
    unit_.write("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=1 wbytes=2 rios=3 wios=4\n");
    unit_.write("payload/pids.current", "3\n");
    unit_.write("payload/cpu.stat", "usage_usec 7\n");
    unit_.write("cpu.stat", "usage_usec 9\nthrottled_usec 8\n");
    const auto found = stats();
    EXPECT_EQ(found.memory, 4096U);
    EXPECT_EQ(found.cache, 2U);
    EXPECT_EQ(found.processes, 3U);
    EXPECT_EQ(found.read_bytes, 11U);
    EXPECT_EQ(found.writes, 6U);
    EXPECT_EQ(found.cpu_usec, 7U);
    EXPECT_EQ(found.throttled_usec, 8U);
}

TEST_F(ReadingsTest, TheTightestLimitCounts) {
    unit_.write("memory.max", "max\n");
    unit_.write("payload/memory.max", "1000\n");
    unit_.write("memory.swap.max", "10\n");
    unit_.write("payload/memory.swap.max", "20\n");
    unit_.write("pids.max", "max\n");
    unit_.write("payload/pids.max", "max\n");
    const auto found = stats();
    EXPECT_EQ(found.memory_limit, 1000U);
    EXPECT_EQ(found.swap_limit, 10U);
    EXPECT_EQ(found.processes_limit, std::nullopt);
}

TEST_F(ReadingsTest, DevicesThatDidNothingAreKnown) {
    unit_.write("payload/io.stat", "");
    EXPECT_EQ(stats().read_bytes, 0U);
}

}  // namespace
}  // namespace xctl::run
