// SPDX-License-Identifier: LGPL-2.1-or-later
// Record <-> JSON. The file is ours alone, so reading is lenient: a missing member keeps its default.
#include <algorithm>
#include <concepts>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/model/record.hpp"
#include "lib/base/time_text.hpp"

namespace xctl::model {
namespace {

using Json = nlohmann::ordered_json;

TimePoint to_time(std::int64_t usec) { return from_usec(static_cast<std::uint64_t>(std::max(usec, std::int64_t{0}))); }

/// nlohmann would convert fractions and numbers that do not fit, some of which is undefined.
template <std::integral T>
T to_number(const Json& value) {
    if (value.is_number_unsigned() && std::in_range<T>(value.get<std::uint64_t>())) return value.get<T>();
    if (value.is_number_integer() && !value.is_number_unsigned() && std::in_range<T>(value.get<std::int64_t>()))
        return value.get<T>();
    throw Json::type_error::create(302, "a number is no whole one or does not fit", &value);
}

template <std::integral T>
T number(const Json& json, const char* name, T standard) {
    const auto at = json.find(name);
    return at == json.end() ? standard : to_number<T>(*at);
}

std::int64_t to_number(Instant instant) {
    return std::chrono::duration_cast<std::chrono::microseconds>(instant.time_since_epoch()).count();
}

Instant to_instant(std::int64_t usec) {
    constexpr auto kLast = std::chrono::duration_cast<std::chrono::microseconds>(Instant::duration::max()).count();
    return Instant(std::chrono::microseconds(std::clamp(usec, std::int64_t{0}, std::int64_t{kLast})));
}

Instant instant_at(const Json& json, const char* name) { return to_instant(number(json, name, std::int64_t{0})); }

TimePoint time_at(const Json& json, const char* name) { return to_time(number(json, name, std::int64_t{0})); }

Json exit_to_json(const ExitRecord& exit) {
    return {{"reason", name_of(kExitReasons, exit.reason)},
            {"status", exit.status},
            {"time", to_usec(exit.time)},
            {"message", exit.message}};
}

ExitRecord exit_from_json(const Json& json) {
    return {value_of(kExitReasons, json.value("reason", "")).value_or(ExitReason::none), number(json, "status", 0),
            time_at(json, "time"), json.value("message", "")};
}

Json machine_to_json(const Machine& machine) {
    Json recent = Json::array();
    for (const auto instant : machine.recent) recent.push_back(to_number(instant));
    return {{"state", name_of(kStates, machine.state)},
            {"startAgain", machine.start_again},
            {"stopAsked", machine.stop_asked},
            {"byPolicy", machine.by_policy},
            {"runs", machine.runs},
            {"restarts", machine.restarts},
            {"startedMonotonic", to_number(machine.started)},
            {"endedMonotonic", to_number(machine.ended)},
            {"nextStartMonotonic", to_number(machine.next_start)},
            {"recentMonotonic", recent},
            {"lastExit", exit_to_json(machine.last_exit)}};
}

Machine machine_from_json(const Json& json) {
    Machine machine;
    machine.state = value_of(kStates, json.value("state", "")).value_or(State::created);
    machine.start_again = json.value("startAgain", false);
    machine.stop_asked = json.value("stopAsked", false);
    machine.by_policy = json.value("byPolicy", false);
    machine.runs = number(json, "runs", std::uint64_t{0});
    machine.restarts = number(json, "restarts", std::uint64_t{0});
    machine.started = instant_at(json, "startedMonotonic");
    machine.ended = instant_at(json, "endedMonotonic");
    machine.next_start = instant_at(json, "nextStartMonotonic");
    for (const auto& time : json.value("recentMonotonic", std::vector<Json>{}))
        machine.recent.push_back(to_instant(to_number<std::int64_t>(time)));
    machine.last_exit = exit_from_json(json.value("lastExit", Json::object()));
    return machine;
}

Json request_to_json(const EndRequest& request) {
    return {{"cause", name_of(kCauses, request.cause)},
            {"by", request.by},
            {"signal", request.signal},
            {"timedOut", request.timed_out}};
}

EndRequest request_from_json(const Json& json) {
    return {value_of(kCauses, json.value("cause", "")).value_or(Cause::itself), json.value("by", ""),
            number(json, "signal", 0), json.value("timedOut", false)};
}

Json run_to_json(const RunRecord& run) {
    return {{"number", run.number},        {"started", to_usec(run.started)},
            {"exit", exit_to_json(run.exit)}, {"cause", name_of(kCauses, run.cause)},
            {"by", run.by},                {"timedOut", run.timed_out},
            {"oomCgroup", run.oom_cgroup}, {"step", run.step},
            {"path", run.path},            {"errno", run.error},
            {"console", run.console}};
}

RunRecord run_from_json(const Json& json) {
    RunRecord run;
    run.number = number(json, "number", std::uint64_t{0});
    run.started = time_at(json, "started");
    run.exit = exit_from_json(json.value("exit", Json::object()));
    run.cause = value_of(kCauses, json.value("cause", "")).value_or(Cause::itself);
    run.by = json.value("by", "");
    run.timed_out = json.value("timedOut", false);
    run.oom_cgroup = json.value("oomCgroup", "");
    run.step = json.value("step", "");
    run.path = json.value("path", "");
    run.error = number(json, "errno", 0);
    run.console = json.value("console", "");
    return run;
}

}  // namespace

std::string to_json(const Record& record) {
    Json history = Json::array();
    for (const auto& run : record.history) history.push_back(run_to_json(run));
    const Json out{{"life", record.life},
                   {"machine", machine_to_json(record.machine)},
                   {"started", to_usec(record.started)},
                   {"nextStart", to_usec(record.next_start)},
                   {"placement", name_of(kPlacements, record.placement)},
                   {"unit", record.unit},
                   {"pid", record.pid},
                   {"args", record.args},
                   {"bundle", record.bundle},
                   {"ociVersion", record.oci_version},
                   {"annotations", record.annotations},
                   {"endRequest", request_to_json(record.end_request)},
                   {"quarantine", record.quarantine},
                   {"frozenByUnit", record.frozen_by_unit},
                   {"ready", record.ready},
                   {"health", name_of(kHealthStatuses, record.health.status)},
                   {"healthFailures", record.health.failures},
                   {"consoleStart", record.console_start},
                   {"history", std::move(history)}};
    return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<Record> parse_record(std::string_view text) {
    try {
        const auto json = Json::parse(text);
        Record record;
        record.life = json.value("life", "");
        record.machine = machine_from_json(json.at("machine"));
        record.started = time_at(json, "started");
        record.next_start = time_at(json, "nextStart");
        record.placement = value_of(kPlacements, json.value("placement", "")).value_or(Placement::scope);
        record.unit = json.value("unit", "");
        record.pid = number(json, "pid", pid_t{-1});
        record.args = json.value("args", std::vector<std::string>{});
        record.bundle = json.value("bundle", "");
        record.oci_version = json.value("ociVersion", record.oci_version);
        record.annotations = json.value("annotations", std::map<std::string, std::string>{});
        record.end_request = request_from_json(json.value("endRequest", Json::object()));
        record.quarantine = json.value("quarantine", "");
        record.frozen_by_unit = json.value("frozenByUnit", false);
        record.ready = json.value("ready", false);
        record.health.status = value_of(kHealthStatuses, json.value("health", "")).value_or(HealthStatus::none);
        record.health.failures = number(json, "healthFailures", std::uint64_t{0});
        record.console_start = number(json, "consoleStart", std::uint64_t{0});
        for (const auto& run : json.value("history", std::vector<Json>{})) record.history.push_back(run_from_json(run));
        return record;
    } catch (const nlohmann::json::exception& error) {
        return fail(Errc::invalid_document, error.what());
    }
}

}  // namespace xctl::model
