// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/cgroup/systemd.hpp"

#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "runtime/xrun/privileges.hpp"

namespace xctl::runtime {
namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr std::uint64_t kJobPatience = 30'000'000;  // microseconds; a stop sends SIGKILL only after a while

struct Unref {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;

struct BusError {
    BusError() = default;
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
    ~BusError() { sd_bus_error_free(&error); }
    sd_bus_error error = SD_BUS_ERROR_NULL;
};

struct ErrorRow {
    const char* name;
    Errc code;
};

constexpr ErrorRow kErrors[] = {
    {"org.freedesktop.systemd1.UnitExists", Errc::exists},
    {"org.freedesktop.systemd1.NoSuchUnit", Errc::not_found},
    {"org.freedesktop.DBus.Error.UnknownObject", Errc::not_found},
};

std::unexpected<Error> failed(const std::string& what, const BusError& error, int negative_errno) {
    Errc code = Errc::system;
    for (const auto& row : kErrors)
        if (sd_bus_error_has_name(&error.error, row.name) > 0) code = row.code;
    if (error.error.message == nullptr) return fail_errno(-negative_errno, what, code);
    return fail(code, what + ": " + error.error.message);
}

/// Appends one value in a variant.
struct AppendValue {
    sd_bus_message* message;
    int operator()(bool value) const { return sd_bus_message_append(message, "v", "b", static_cast<int>(value)); }
    int operator()(std::uint8_t value) const { return sd_bus_message_append(message, "v", "y", value); }
    int operator()(std::int16_t value) const { return sd_bus_message_append(message, "v", "n", value); }
    int operator()(std::uint16_t value) const { return sd_bus_message_append(message, "v", "q", value); }
    int operator()(std::int32_t value) const { return sd_bus_message_append(message, "v", "i", value); }
    int operator()(std::uint32_t value) const { return sd_bus_message_append(message, "v", "u", value); }
    int operator()(std::int64_t value) const { return sd_bus_message_append(message, "v", "x", value); }
    int operator()(std::uint64_t value) const { return sd_bus_message_append(message, "v", "t", value); }
    int operator()(double value) const { return sd_bus_message_append(message, "v", "d", value); }
    int operator()(const std::string& value) const { return sd_bus_message_append(message, "v", "s", value.c_str()); }
    int operator()(const std::vector<std::string>& values) const {
        int result = sd_bus_message_open_container(message, 'v', "as");
        if (result >= 0) result = sd_bus_message_open_container(message, 'a', "s");
        for (const auto& value : values)
            if (result >= 0) result = sd_bus_message_append(message, "s", value.c_str());
        if (result >= 0) result = sd_bus_message_close_container(message);
        return result < 0 ? result : sd_bus_message_close_container(message);
    }
    int operator()(const std::vector<std::uint8_t>& values) const {
        int result = sd_bus_message_open_container(message, 'v', "ay");
        if (result >= 0) result = sd_bus_message_append_array(message, 'y', values.data(), values.size());
        return result < 0 ? result : sd_bus_message_close_container(message);
    }
};

int append_property(sd_bus_message* message, const UnitProperty& property) {
    int result = sd_bus_message_open_container(message, 'r', "sv");
    if (result >= 0) result = sd_bus_message_append(message, "s", property.name.c_str());
    if (result >= 0) result = std::visit(AppendValue{message}, property.value);
    return result < 0 ? result : sd_bus_message_close_container(message);
}

int append_properties(sd_bus_message* message, std::span<const UnitProperty> properties, PidFd pidfd) {
    int result = sd_bus_message_open_container(message, 'a', "(sv)");
    for (const auto& property : properties)
        if (result >= 0) result = append_property(message, property);
    if (result >= 0 && pidfd) result = sd_bus_message_append(message, "(sv)", "PIDFDs", "ah", 1, pidfd.get());
    return result < 0 ? result : sd_bus_message_close_container(message);
}

std::vector<UnitProperty> scope_properties(const ScopeRequest& request) {
    std::vector<UnitProperty> properties{
        {"Description", request.description},
        {"Slice", request.slice},
        // The container may have a manager of its own.
        {"Delegate", true},
        {"MemoryAccounting", true},
        {"CPUAccounting", true},
        {"IOAccounting", true},
        {"TasksAccounting", true},
        // Engines stop their containers themselves.
        {"DefaultDependencies", false},
        // systemd would limit the number of processes unless told otherwise, also by what comes after this.
        {"TasksMax", std::uint64_t{UINT64_MAX}},
    };
    properties.insert(properties.end(), request.properties.begin(), request.properties.end());
    return properties;
}

Result<Message> new_call(sd_bus* bus, const char* member) {
    sd_bus_message* message = nullptr;
    const int result = sd_bus_message_new_method_call(bus, &message, kService, kPath, kManager, member);
    if (result < 0) return fail_errno(-result, std::string("call systemd's ") + member);
    return Message(message);
}

Result<Message> call(sd_bus* bus, sd_bus_message* message, const std::string& what) {
    BusError error;
    sd_bus_message* reply = nullptr;
    const int result = sd_bus_call(bus, message, 0, &error.error, &reply);
    if (result < 0) return failed(what, error, result);
    return Message(reply);
}

std::uint64_t microseconds_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

void Systemd::Closer::operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }

Result<Systemd> Systemd::open() {
    sd_bus* raw = nullptr;
    const int result = is_host_root() ? sd_bus_open_system(&raw) : sd_bus_open_user(&raw);
    if (result < 0) return fail_errno(-result, "connect to systemd's bus");
    Bus bus(raw);
    auto signals = TRY(bus::SignalSource::open(raw, kService));
    Systemd systemd(std::move(bus), std::move(signals));
    TRY(systemd.watch_jobs());
    return systemd;
}

Result<> Systemd::watch_jobs() {
    jobs_removed_ = TRY(signals_.listen({kManager, "JobRemoved", kPath, {}}, [job = job_](bus::Signal& signal) {
        std::uint32_t number = 0;
        bus::ObjectPath path;
        std::string unit, outcome;
        if (signal.read(number, path, unit, outcome) && job->path == path.text) job->result = outcome;
    }));
    return {};
}

Result<> Systemd::await_job(const std::string& unit) {
    const auto deadline = microseconds_now() + kJobPatience;
    while (job_->result.empty()) {
        const int processed = sd_bus_process(bus_.get(), nullptr);
        if (processed < 0) return fail_errno(-processed, "wait for systemd");
        if (processed > 0) continue;
        const auto now = microseconds_now();
        if (now >= deadline) return fail(Errc::timeout, unit + ": systemd does not finish its job");
        const int waited = sd_bus_wait(bus_.get(), deadline - now);
        if (waited < 0 && waited != -EINTR) return fail_errno(-waited, "wait for systemd");
    }
    if (job_->result == "done" || job_->result == "skipped") return {};
    return fail(Errc::system, unit + ": systemd says the job is " + job_->result);
}

Result<> Systemd::request_scope(const ScopeRequest& request) {
    const auto message = TRY(new_call(bus_.get(), "StartTransientUnit"));
    const auto properties = scope_properties(request);
    int result = sd_bus_message_append(message.get(), "ss", request.unit.c_str(), "fail");
    if (result >= 0) result = append_properties(message.get(), properties, request.pidfd);
    if (result >= 0) result = sd_bus_message_append(message.get(), "a(sa(sv))", 0);
    if (result < 0) return fail_errno(-result, "start " + request.unit);
    *job_ = {};
    const auto reply = TRY(call(bus_.get(), message.get(), "start " + request.unit));
    const char* path = nullptr;
    result = sd_bus_message_read(reply.get(), "o", &path);
    if (result < 0) return fail_errno(-result, "start " + request.unit);
    job_->path = path;
    return {};
}

Result<> Systemd::start_scope(const ScopeRequest& request) {
    auto requested = request_scope(request);
    // One that has failed keeps its name until somebody says that this was seen.
    if (!requested && requested.error().code == Errc::exists) {
        reset_failed(request.unit);
        requested = request_scope(request);
    }
    TRY(requested);
    return await_job(request.unit);
}

Result<> Systemd::set_properties(const std::string& unit, std::span<const UnitProperty> properties) {
    if (properties.empty()) return {};
    const auto message = TRY(new_call(bus_.get(), "SetUnitProperties"));
    int result = sd_bus_message_append(message.get(), "sb", unit.c_str(), 1);
    if (result >= 0) result = append_properties(message.get(), properties, PidFd());
    if (result < 0) return fail_errno(-result, "change " + unit);
    TRY(call(bus_.get(), message.get(), "change " + unit));
    return {};
}

void Systemd::kill(const std::string& unit) {
    const auto message = new_call(bus_.get(), "KillUnit");
    if (!message || sd_bus_message_append(message->get(), "ssi", unit.c_str(), "all", SIGKILL) < 0) return;
    // A unit without processes is what we want to see.
    static_cast<void>(call(bus_.get(), message->get(), "kill " + unit));
}

void Systemd::reset_failed(const std::string& unit) {
    const auto message = new_call(bus_.get(), "ResetFailedUnit");
    if (!message || sd_bus_message_append(message->get(), "s", unit.c_str()) < 0) return;
    // One that has not failed may be gone.
    static_cast<void>(call(bus_.get(), message->get(), "reset " + unit));
}

Result<> Systemd::stop(const std::string& unit) {
    kill(unit);
    const auto message = TRY(new_call(bus_.get(), "StopUnit"));
    int result = sd_bus_message_append(message.get(), "ss", unit.c_str(), "replace");
    if (result < 0) return fail_errno(-result, "stop " + unit);
    *job_ = {};
    const auto reply = call(bus_.get(), message.get(), "stop " + unit);
    if (!reply && reply.error().code == Errc::not_found) return {};
    if (!reply) return std::unexpected(reply.error());
    const char* path = nullptr;
    result = sd_bus_message_read(reply->get(), "o", &path);
    if (result < 0) return fail_errno(-result, "stop " + unit);
    job_->path = path;
    TRY(await_job(unit));
    reset_failed(unit);
    return {};
}

Result<std::string> Systemd::description_of(const std::string& unit) {
    const auto message = TRY(new_call(bus_.get(), "GetUnit"));
    int result = sd_bus_message_append(message.get(), "s", unit.c_str());
    if (result < 0) return fail_errno(-result, "look at " + unit);
    const auto reply = call(bus_.get(), message.get(), "look at " + unit);
    if (!reply && reply.error().code == Errc::not_found) return std::string();
    if (!reply) return std::unexpected(reply.error());
    const char* path = nullptr;
    result = sd_bus_message_read(reply->get(), "o", &path);
    char* text = nullptr;
    BusError error;
    if (result >= 0)
        result = sd_bus_get_property_string(bus_.get(), kService, path, "org.freedesktop.systemd1.Unit", "Description",
                                            &error.error, &text);
    if (result < 0) {
        auto failure = failed("look at " + unit, error, result);
        // An empty scope may go between the two questions.
        if (failure.error().code == Errc::not_found) return std::string();
        return failure;
    }
    std::string description = text;
    std::free(text);
    return description;
}

}  // namespace xctl::runtime
