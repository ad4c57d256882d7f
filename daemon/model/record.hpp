// SPDX-License-Identifier: LGPL-2.1-or-later
// The record of a container: the daemon's knowledge beyond the definition. run_directory.hpp says where it is kept.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/model/container.hpp"
#include "daemon/model/health.hpp"
#include "daemon/model/run_history.hpp"
#include "lib/base/result.hpp"

namespace xctl::model {

enum class Placement : std::uint8_t { scope, unit };
inline constexpr std::array<Named<Placement>, 2> kPlacements{{{"scope", Placement::scope}, {"unit", Placement::unit}}};

struct Record {
    std::string life;  // whose record this is; what was parked in another life is not taken up
    Machine machine;
    TimePoint started{};     // when the program of the current or last run began, and when the next run is due: what
    TimePoint next_start{};  // the wall clock said when the machine learnt of these
    Placement placement = Placement::scope;
    std::string unit;               // of the current or last run
    pid_t pid = -1;                 // of the current run's init
    std::vector<std::string> args;  // given with the last start; restarts by the policy use them again
    std::string bundle;             // of the current or last run, should its definition be taken away meanwhile
    std::string oci_version = "1.3.0";
    std::map<std::string, std::string> annotations;
    EndRequest end_request;         // of the current run
    std::string quarantine;         // why the current run cannot end
    bool frozen_by_unit = false;    // the current run is paused, and not by us
    bool ready = false;             // the current run
    Health health;
    std::uint64_t console_start = 0;  // where its output begins
    std::vector<RunRecord> history;

    /// After the machine took a step at this time.
    void note_times(Instant now);
};

[[nodiscard]] std::string to_json(const Record& record);
Result<Record> parse_record(std::string_view text);

}  // namespace xctl::model
