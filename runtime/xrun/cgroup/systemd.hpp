// SPDX-License-Identifier: LGPL-2.1-or-later
// systemd as xrun uses it: transient scopes that are containers' cgroups, org.freedesktop.systemd1(5).
// Every call waits for its end.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/bus/signal_source.hpp"
#include "runtime/xrun/cgroup/unit_property.hpp"

struct sd_bus;

namespace xctl::runtime {

struct ScopeRequest {
    std::string unit;
    std::string slice;
    std::string description;
    PidFd pidfd{};   // its first process
    std::vector<UnitProperty> properties;
};

class Systemd {
public:
    /// The system's manager, or that of our user when we are not root.
    static Result<Systemd> open();

    /// The process is in the scope's cgroup, `request.pidfd` is not consumed. Errc::exists when there is such a unit; one
    /// that has failed is replaced.
    Result<> start_scope(const ScopeRequest& request);

    /// Until the next boot. The unit is Errc::not_found when it is gone.
    Result<> set_properties(const std::string& unit, std::span<const UnitProperty> properties);

    /// Its processes are killed, not asked. Nothing to do when it is gone, and nothing is left of one that had failed.
    Result<> stop(const std::string& unit);

    /// Empty when there is no such unit.
    Result<std::string> description_of(const std::string& unit);

private:
    struct Closer {
        void operator()(sd_bus* bus) const;
    };
    using Bus = std::unique_ptr<sd_bus, Closer>;
    Systemd(Bus bus, bus::SignalSource signals) : bus_(std::move(bus)), signals_(std::move(signals)) {}
    Result<> watch_jobs();
    Result<> request_scope(const ScopeRequest& request);
    void reset_failed(const std::string& unit);
    Result<> await_job(const std::string& unit);
    void kill(const std::string& unit);

    Bus bus_;
    bus::SignalSource signals_;
    struct Job {
        std::string path, result;
    };
    std::shared_ptr<Job> job_ = std::make_shared<Job>();
    std::shared_ptr<void> jobs_removed_;
};

}  // namespace xctl::runtime
