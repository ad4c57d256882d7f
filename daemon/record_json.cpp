// SPDX-License-Identifier: LGPL-2.1-or-later
// Record <-> JSON. The file is ours alone, so reading is lenient: a missing member keeps its default.
#include <nlohmann/json.hpp>

#include "daemon/record.hpp"

namespace xctl {
namespace {

using Json = nlohmann::json;

std::int64_t to_usec(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

TimePoint from_usec(std::int64_t usec) {
    return TimePoint(std::chrono::duration_cast<TimePoint::duration>(std::chrono::microseconds(usec)));
}

Json exit_to_json(const ExitRecord& exit) {
    return {{"reason", name_of(kExitReasons, exit.reason)},
            {"status", exit.status},
            {"time", to_usec(exit.time)},
            {"message", exit.message}};
}

ExitRecord exit_from_json(const Json& json) {
    return {value_of(kExitReasons, json.value("reason", "")).value_or(ExitReason::none), json.value("status", 0),
            from_usec(json.value("time", std::int64_t{0})), json.value("message", "")};
}

Json machine_to_json(const Machine& machine) {
    Json recent = Json::array();
    for (const auto time : machine.recent) recent.push_back(to_usec(time));
    return {{"state", name_of(kStates, machine.state)},
            {"startAgain", machine.start_again},
            {"byPolicy", machine.by_policy},
            {"runs", machine.runs},
            {"restarts", machine.restarts},
            {"started", to_usec(machine.started)},
            {"nextStart", to_usec(machine.next_start)},
            {"recent", recent},
            {"lastExit", exit_to_json(machine.last_exit)}};
}

Machine machine_from_json(const Json& json) {
    Machine machine;
    machine.state = value_of(kStates, json.value("state", "")).value_or(State::created);
    machine.start_again = json.value("startAgain", false);
    machine.by_policy = json.value("byPolicy", false);
    machine.runs = json.value("runs", std::uint64_t{0});
    machine.restarts = json.value("restarts", std::uint64_t{0});
    machine.started = from_usec(json.value("started", std::int64_t{0}));
    machine.next_start = from_usec(json.value("nextStart", std::int64_t{0}));
    for (const auto& time : json.value("recent", std::vector<std::int64_t>{})) machine.recent.push_back(from_usec(time));
    machine.last_exit = exit_from_json(json.value("lastExit", Json::object()));
    return machine;
}

}  // namespace

std::string to_json(const Record& record) {
    const Json out{{"machine", machine_to_json(record.machine)},
                   {"placement", name_of(kPlacements, record.placement)},
                   {"unit", record.unit},
                   {"pid", record.pid},
                   {"args", record.args},
                   {"bundle", record.bundle},
                   {"ociVersion", record.oci_version},
                   {"annotations", record.annotations}};
    return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<Record> parse_record(std::string_view text) {
    try {
        const auto json = Json::parse(text);
        Record record;
        record.machine = machine_from_json(json.at("machine"));
        record.placement = value_of(kPlacements, json.value("placement", "")).value_or(Placement::scope);
        record.unit = json.value("unit", "");
        record.pid = json.value("pid", -1);
        record.args = json.value("args", std::vector<std::string>{});
        record.bundle = json.value("bundle", "");
        record.oci_version = json.value("ociVersion", record.oci_version);
        record.annotations = json.value("annotations", std::map<std::string, std::string>{});
        return record;
    } catch (const nlohmann::json::exception& error) {
        return fail(Errc::invalid_document, error.what());
    }
}

}  // namespace xctl
