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

using api::Stats;

/// A file of the payload and of its unit, where they have it, and what becomes of a member of the statistics.
struct ReadingCase {
    const char* file;
    const char *payload, *unit;
    Stats::Reading Stats::*member;
    Stats::Reading wanted;
};

constexpr const char* kDevices = "8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 rbytes=1 wbytes=2 rios=3 wios=4\n";

const ReadingCase kReadings[] = {
    // Nothing is known without files.
    {"memory.current", nullptr, nullptr, &Stats::memory, {}},
    {"memory.max", nullptr, nullptr, &Stats::memory_limit, {}},
    {"memory.events", nullptr, nullptr, &Stats::oom_kills, {}},
    {"io.stat", nullptr, nullptr, &Stats::read_bytes, {}},
    {"pids.current", nullptr, nullptr, &Stats::processes, {}},
    {"cpu.pressure", nullptr, nullptr, &Stats::cpu_some, {}},
    // The unit knows what the payload does not.
    {"memory.current", nullptr, "4096\n", &Stats::memory, 4096},
    {"memory.stat", nullptr, "anon 1\nfile 2\n", &Stats::cache, 2},
    {"pids.current", "3\n", "5\n", &Stats::processes, 3},
    {"io.stat", nullptr, kDevices, &Stats::read_bytes, 11},
    {"io.stat", nullptr, kDevices, &Stats::writes, 6},
    {"cpu.stat", "usage_usec 7\n", "usage_usec 9\nthrottled_usec 8\n", &Stats::cpu_usec, 7},
    {"cpu.stat", "usage_usec 7\n", "usage_usec 9\nthrottled_usec 8\n", &Stats::throttled_usec, 8},
    // The tightest limit counts.
    {"memory.max", "1000\n", "max\n", &Stats::memory_limit, 1000},
    {"memory.swap.max", "20\n", "10\n", &Stats::swap_limit, 10},
    {"pids.max", "max\n", "max\n", &Stats::processes_limit, {}},
    // Devices that did nothing are known.
    {"io.stat", "", nullptr, &Stats::read_bytes, 0},
};

TEST(Readings, AreThoseOfThePayloadOrOfItsUnit) {
    for (const auto& row : kReadings) {
        test::TemporaryDirectory unit;
        std::filesystem::create_directory(unit.path() / "payload");
        if (row.payload != nullptr) unit.write(std::string("payload/") + row.file, row.payload);
        if (row.unit != nullptr) unit.write(row.file, row.unit);
        const auto payload = kernel::open_at(AT_FDCWD, (unit.path() / "payload").string(), O_RDONLY | O_DIRECTORY);
        EXPECT_EQ(read_stats("web", payload.value().get()).*row.member, row.wanted)
            << row.file << ": " << (row.payload != nullptr ? row.payload : "(none)\n") << "and "
            << (row.unit != nullptr ? row.unit : "(none)\n");
    }
}

}  // namespace
}  // namespace xctl::run
