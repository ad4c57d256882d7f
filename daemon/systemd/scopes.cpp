// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/systemd/scopes.hpp"

#include <fcntl.h>

#include <format>
#include <limits>

#include "api/verbs.hpp"
#include "daemon/systemd/bus_properties.hpp"
#include "lib/base/log.hpp"

namespace xctl::systemd {
namespace {

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kSystemdPath = "/org/freedesktop/systemd1";
constexpr const char* kUnits = "/org/freedesktop/systemd1/unit";
constexpr const char* kScopeInterface = "org.freedesktop.systemd1.Scope";
constexpr const char* kServiceInterface = "org.freedesktop.systemd1.Service";
constexpr const char* kSocketInterface = "org.freedesktop.systemd1.Socket";
constexpr const char* kUnitExists = "org.freedesktop.systemd1.UnitExists";
constexpr const char* kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
constexpr int kStartAttempts = 5;

using Property = sdbus::Struct<std::string, sdbus::Variant>;
using Aux = sdbus::Struct<std::string, std::vector<Property>>;

/// sdbus-c++ throws std::system_error where a descriptor cannot be duplicated, which callers here do not expect.
sdbus::UnixFd duplicate(const UniqueFd& fd) {
    const int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw sdbus::createError(errno, "cannot duplicate the pidfd of a container");
    return sdbus::UnixFd(copy, sdbus::adopt_fd);
}

std::vector<Property> scope_properties(const ScopeRequest& request) {
    std::vector<sdbus::UnixFd> pidfds;
    for (const auto& fd : request.pidfds) pidfds.push_back(duplicate(fd));
    std::vector<Property> properties;
    const auto add = [&](const char* name, auto value) {
        properties.emplace_back(name, sdbus::Variant(std::move(value)));
    };
    add("Description", request.description);
    add("Slice", std::string("xctl.slice"));
    add("PIDFDs", pidfds);
    add("Delegate", true);
    // Shutdown stops units in reverse order: the containers first, while we can still do it gracefully.
    auto after = request.after;
    if (!after.empty()) add("Wants", after);
    after.emplace_back("xctld.service");
    add("After", after);
    if (!request.before.empty()) add("Before", std::vector{request.before});
    add("Controller", std::string(api::kBusName));
    add("KillSignal", std::int32_t{request.kill_signal});
    add("TimeoutStopUSec", static_cast<std::uint64_t>(request.stop_timeout.count()) + 5'000'000);
    // As in oci@.service: how many tasks a container may have is said by its own limits.
    add("TasksMax", std::numeric_limits<std::uint64_t>::max());
    // One process of the container that the kernel kills for memory is the container's business.
    add("OOMPolicy", std::string("continue"));
    add("CollectMode", std::string("inactive-or-failed"));
    return properties;
}

}  // namespace

Scopes::Scopes(Bus& bus, bus::SignalSource systemd)
    : bus_(bus),
      manager_(sdbus::createProxy(bus.connection(), sdbus::ServiceName(kSystemd), sdbus::ObjectPath(kSystemdPath))),
      systemd_(std::move(systemd)) {}

Result<std::unique_ptr<Scopes>> Scopes::open(Bus& bus) {
    auto systemd = TRY(bus::SignalSource::open(bus.raw(), kSystemd));
    try {
        std::unique_ptr<Scopes> scopes(new Scopes(bus, std::move(systemd)));
        TRY(scopes->subscribe());
        return scopes;
    } catch (const sdbus::Error& error) {
        return std::unexpected(from_bus_error(error, "talk to systemd"));
    }
}

Result<> Scopes::listen(const bus::SignalSource::Match& match, bus::SignalSource::Handler handler) {
    listeners_.push_back(TRY(systemd_.listen(match, std::move(handler))));
    return {};
}

Result<> Scopes::subscribe() {
    TRY(listen({kUnitManager, "JobRemoved", kSystemdPath, {}}, [this](bus::Signal& signal) {
        std::uint32_t number = 0;
        bus::ObjectPath job;
        std::string unit, result;
        if (signal.read(number, job, unit, result)) on_job_removed(job.text, result);
    }));
    // While nobody is the scope's controller any more, after a restart of ours, only the new job tells of a stop.
    TRY(listen({kUnitManager, "JobNew", kSystemdPath, {}}, [this](bus::Signal& signal) {
        std::uint32_t number = 0;
        bus::ObjectPath job;
        std::string unit;
        if (signal.read(number, job, unit) && on_stop_ && unit.ends_with(".scope")) on_stop_(unit);
    }));
    TRY(listen({kScopeInterface, "RequestStop", {}, {}}, [this](bus::Signal& signal) {
        if (on_stop_) on_stop_(signal.object_below(kUnits));
    }));
    TRY(listen({kUnitManager, "Reloading", kSystemdPath, {}}, [this](bus::Signal& signal) {
        bool begins = false;
        if (signal.read(begins) && on_reload_ && !begins) on_reload_();
    }));
    const auto ignore = [](std::optional<sdbus::Error>) {};
    manager_->callMethodAsync("Subscribe").onInterface(kUnitManager).uponReplyInvoke(ignore);
    return {};
}

void Scopes::on_job_removed(const std::string& job, const std::string& result) {
    // Two requests may have been merged into one job.
    while (auto node = jobs_.extract(job)) {
        auto& [what, done] = node.mapped();
        if (result == "done" || result == "skipped")
            done({});
        else
            done(fail(Errc::system, std::format("{}: systemd says the job is {}", what, result)));
    }
}

void Scopes::call_for_job(sdbus::MethodCall call, std::string_view what, Done done) {
    const auto failed = done;
    const auto finish = [this, what = std::string(what), done = std::move(done)](
                            sdbus::MethodReply reply, const std::optional<sdbus::Error>& error) {
        if (error) {
            const bool nothing_there = error->getName() == kNoSuchUnit;
            return nothing_there ? done(fail(Errc::not_found, what))
                                 : done(std::unexpected(from_bus_error(*error, what)));
        }
        sdbus::ObjectPath job;
        reply >> job;
        jobs_.emplace(job, Job{what, done});
    };
    try {
        manager_->callMethodAsync(call, finish);
    } catch (const sdbus::Error& error) {
        failed(std::unexpected(from_bus_error(error, what)));
    }
}

void Scopes::start(ScopeRequest request, Done done) {
    request_start(std::make_shared<ScopeRequest>(std::move(request)), 1, std::move(done));
}

void Scopes::request_start(const std::shared_ptr<ScopeRequest>& request, int attempt, Done done) {
    const auto failed = done;
    const auto finish = [this, request, attempt, done = std::move(done)](sdbus::MethodReply reply,
                                                                       const std::optional<sdbus::Error>& error) {
        if (!error) {
            sdbus::ObjectPath job;
            reply >> job;
            jobs_.emplace(job, Job{"start " + request->unit, done});
        } else if (error->getName() == kUnitExists && attempt < kStartAttempts) {
            // What is left of an earlier run: no container of ours is in it, or we would not be starting one.
            reset_failed(request->unit);
            discard(request->unit,
                    [this, request, attempt, done](const Result<>&) { request_start(request, attempt + 1, done); });
        } else {
            done(std::unexpected(from_bus_error(*error, "start " + request->unit)));
        }
    };
    try {
        auto call =
            manager_->createMethodCall(sdbus::InterfaceName(kUnitManager), sdbus::MethodName("StartTransientUnit"));
        call << request->unit << "fail" << scope_properties(*request) << std::vector<Aux>{};
        manager_->callMethodAsync(call, finish);
    } catch (const sdbus::Error& error) {
        failed(std::unexpected(from_bus_error(error, "start " + request->unit)));
    }
}

void Scopes::stop(const std::string& unit, Done done) {
    auto call = manager_->createMethodCall(sdbus::InterfaceName(kUnitManager), sdbus::MethodName("StopUnit"));
    call << unit << "replace";
    call_for_job(std::move(call), "stop " + unit, [done = std::move(done)](Result<> result) {
        if (!result && result.error().code == Errc::not_found) return done({});
        done(std::move(result));
    });
}

void Scopes::discard(const std::string& scope, Done done) {
    manager_->callMethodAsync("AbandonScope")
        .onInterface(kUnitManager)
        .withArguments(scope)
        .uponReplyInvoke([](std::optional<sdbus::Error>) {});
    stop(scope, std::move(done));
}

void Scopes::start_unit(const std::string& unit, Done done) {
    auto call = manager_->createMethodCall(sdbus::InterfaceName(kUnitManager), sdbus::MethodName("StartUnit"));
    call << unit << "replace";
    call_for_job(std::move(call), "start " + unit, std::move(done));
}

void Scopes::reset_failed(const std::string& unit) {
    manager_->callMethodAsync("ResetFailedUnit")
        .onInterface(kUnitManager)
        .withArguments(unit)
        .uponReplyInvoke([](std::optional<sdbus::Error>) {});
}

void Scopes::query_listen(const std::string& unit, std::function<void(std::vector<std::string>)> done) {
    using Listen = std::vector<sdbus::Struct<std::string, std::string>>;
    const auto answer = [done = std::move(done)](const std::optional<sdbus::Error>& error, Properties properties) {
        std::vector<std::string> addresses;
        if (!error && properties[sdbus::PropertyName("Result")].get<std::string>() == "success")
            for (const auto& entry : properties[sdbus::PropertyName("Listen")].get<Listen>())
                if (entry.get<0>() == "Stream") addresses.push_back(entry.get<1>());
        done(std::move(addresses));
    };
    query_properties(bus_, kSystemd, object_path(kUnits, unit), kSocketInterface, answer);
}

void Scopes::query_restarts(const std::string& unit, std::function<void(std::uint64_t)> done) {
    const auto answer = [done = std::move(done)](const std::optional<sdbus::Error>& error, Properties properties) {
        if (!error) done(properties[sdbus::PropertyName("NRestarts")].get<std::uint32_t>());
    };
    query_properties(bus_, kSystemd, object_path(kUnits, unit), kServiceInterface, answer);
}

void Scopes::thaw(const std::string& unit) {
    const auto done = [unit](std::optional<sdbus::Error> error) {
        if (error) log_warning(std::format("cannot thaw {}: {}", unit, error->getMessage()));
    };
    manager_->callMethodAsync("ThawUnit").onInterface(kUnitManager).withArguments(unit).uponReplyInvoke(done);
}

void Scopes::query_exit(const std::string& unit, std::function<void(UnitExit)> done) {
    const auto answer = [done = std::move(done)](const std::optional<sdbus::Error>& error, Properties properties) {
        UnitExit exit;
        if (!error) {
            const int code = properties[sdbus::PropertyName("ExecMainCode")].get<std::int32_t>();
            exit.known = code != 0;
            exit.signaled = code == CLD_KILLED || code == CLD_DUMPED;
            exit.status = properties[sdbus::PropertyName("ExecMainStatus")].get<std::int32_t>();
            exit.oom = properties[sdbus::PropertyName("Result")].get<std::string>() == "oom-kill";
        }
        done(exit);
    };
    query_properties(bus_, kSystemd, object_path(kUnits, unit), kServiceInterface, answer);
}

}  // namespace xctl::systemd
