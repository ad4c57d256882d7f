// SPDX-License-Identifier: LGPL-2.1-or-later
// systemd as we use it: transient scopes that hold containers, and the units of oci@.service.
// org.freedesktop.systemd1(5). Everything is asynchronous; a callback runs once, never inside the call.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/systemd/bus.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/bus/signal_source.hpp"

namespace xctl::systemd {

struct ScopeRequest {
    std::string unit;         // NAME.scope
    std::string description;
    std::vector<UniqueFd> pidfds;  // its first processes; owned, since they may have ended when systemd is asked again
    int kill_signal = 15;     // for systemd, should it have to stop the scope without us
    std::chrono::microseconds stop_timeout{};
    std::vector<std::string> after;  // units that systemd stops later than this one; they are started with it
    std::string before;              // one that it stops earlier, or empty
};

/// How systemd saw the main process of a service end.
struct UnitExit {
    bool known = false;
    bool signaled = false;
    int status = 0;
    bool oom = false;
};

class Scopes {
public:
    using Done = std::function<void(Result<>)>;

    static constexpr const char* kUnitManager = "org.freedesktop.systemd1.Manager";

    static Result<std::unique_ptr<Scopes>> open(Bus& bus);

    /// `done` when the processes are in the scope's cgroup. An old unit of the same name is replaced.
    void start(ScopeRequest request, Done done);
    /// `done` when the unit is gone or inactive; also when it never was there.
    void stop(const std::string& unit, Done done);
    /// Stops a scope without asking us how. One that its last process left before it was in has nobody whose end
    /// systemd could hear of; while it has a controller it would wait for that in vain.
    void discard(const std::string& scope, Done done);
    /// Starts a unit that exists as a file; `done` when its job is finished.
    void start_unit(const std::string& unit, Done done);
    /// Lets a failed unit go.
    void reset_failed(const std::string& unit);
    /// Where a socket unit listens for streams; nowhere if it does not, or there is none.
    void query_listen(const std::string& unit, std::function<void(std::vector<std::string>)> done);
    void query_exit(const std::string& unit, std::function<void(UnitExit)> done);
    /// How often in a row systemd has restarted a service; nobody is told if that is not known.
    void query_restarts(const std::string& unit, std::function<void(std::uint64_t)> done);
    /// Thaws a unit that `systemctl freeze` has frozen.
    void thaw(const std::string& unit);

    /// Calls `handler` for each signal that systemd itself sends, and nobody who poses as it, for as long as we live:
    /// listen({kUnitManager, "Reloading", {}, {}}, ...), for one. systemd sends those of its manager since open().
    Result<> listen(const bus::SignalSource::Match& match, bus::SignalSource::Handler handler);

    /// Someone asked systemd to stop a scope of ours; systemd leaves the stopping to us.
    void set_stop_listener(std::function<void(const std::string& unit)> listener) { on_stop_ = std::move(listener); }

    /// systemd has reloaded all unit files.
    void set_reload_listener(std::function<void()> listener) { on_reload_ = std::move(listener); }

private:
    Scopes(Bus& bus, bus::SignalSource systemd);
    Result<> subscribe();
    void request_start(const std::shared_ptr<ScopeRequest>& request, int attempt, Done done);
    void call_for_job(sdbus::MethodCall call, std::string_view what, Done done);
    void on_job_removed(const std::string& job, const std::string& result);

    Bus& bus_;
    std::unique_ptr<sdbus::IProxy> manager_;
    bus::SignalSource systemd_;
    std::vector<std::shared_ptr<void>> listeners_;
    struct Job {
        std::string what;
        Done done;
    };
    std::multimap<std::string, Job> jobs_;  // by object path
    std::function<void(const std::string&)> on_stop_;
    std::function<void()> on_reload_;
};

}  // namespace xctl::systemd
