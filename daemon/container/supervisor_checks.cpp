// SPDX-License-Identifier: LGPL-2.1-or-later
// Readiness, health and idle time of a container that runs: who asks, and what follows from the answers.
#include <format>
#include <utility>

#include "daemon/container/supervisor.hpp"
#include "daemon/definition/unit_names.hpp"
#include "lib/base/log.hpp"
#include "lib/base/text.hpp"

namespace xctl::container {
namespace {

/// Runs a probe's program in the container. Once this is gone nobody is told any more, and the program is killed.
struct Execution {
    Execs& execs;
    std::string id{};
    health::ProbeAttempt::Done done{};
    kernel::EventSource source{};

    explicit Execution(Execs& all) : execs(all) {}
    Execution(const Execution&) = delete;
    Execution& operator=(const Execution&) = delete;
    ~Execution() {
        if (done) execs.kill(id);
    }
    void finish(Result<> result) {
        source.reset();
        if (const auto tell = std::exchange(done, {})) tell(std::move(result));
    }
};

Result<> verdict(const model::ExitRecord& exit) {
    if (exit.reason == model::ExitReason::exited && exit.status == 0) return {};
    return fail(Errc::launch_failed, exit.message.empty()
                                         ? std::format("{} {}", name_of(model::kExitReasons, exit.reason), exit.status)
                                         : exit.message);
}

}  // namespace

std::shared_ptr<void> Supervisor::execute_probe(const definition::Probe& probe, health::ProbeAttempt::Done done) {
    auto execution = std::make_shared<Execution>(execs_);
    execution->done = std::move(done);
    std::weak_ptr<Execution> weak = execution;
    api::ExecRequest request;
    request.command = probe.args;
    const auto ended = [weak](const model::ExitRecord& exit) {
        if (const auto still = weak.lock()) still->finish(verdict(exit));
    };
    auto opened = exec(request, {}, [](const Result<>&) {}, ended);
    if (!opened) {
        services_.loop.defer(execution->source, [weak, error = std::move(opened).error()](std::uint32_t) {
            if (const auto still = weak.lock()) still->finish(std::unexpected(error));
        });
        return execution;
    }
    execution->id = opened->id;
    services_.loop.arm(execution->source, probe.timeout, [weak](std::uint32_t) {
        const auto still = weak.lock();
        if (!still) return;
        still->execs.kill(still->id);
        still->finish(fail(Errc::timeout, "it did not end in time"));
    });
    return execution;
}

/// For the whole run: what is changed meanwhile counts from the next start on.
void Supervisor::take_checks_of(const definition::Definition& definition) {
    check_policy_ = definition::parse_checks(definition.checks).value_or(definition::CheckPolicy{});
}

/// The program runs, perhaps since before this daemon did.
void Supervisor::begin_checks() {
    const auto execute = [this](const definition::Probe& probe, health::ProbeAttempt::Done done) {
        return execute_probe(probe, std::move(done));
    };
    health::Checks::Target target{run_->pidfd(), console_.ring(), record_.console_start, execute};
    health::Checks::Listener listener{
        [this] { on_ready(); },
        [this](const std::string& why) { on_not_ready(why); },
        [this](const model::Health& health, bool changed, const std::string& why) { on_health(health, changed, why); },
    };
    checks_ = std::make_unique<health::Checks>(services_.loop, check_policy_, std::move(target), std::move(listener));
    // The last daemon may have been killed when it had written this down.
    if (record_.ready) tell_ready();
    checks_->begin(record_.ready, record_.health);
    watch_idle_time();
}

/// Only what a socket starts can be stopped for this: systemd has the socket, and starts the unit again.
void Supervisor::watch_idle_time() {
    idle_.reset();
    const bool startable = run_ && state() == model::State::running && record_.placement == model::Placement::unit;
    if (!startable || definition_.idle_timeout.count() == 0) return;
    idle_ = std::make_unique<health::IdleWatch>(services_.loop, services_.scopes, definition::socket_name(id_.str()),
                                                definition_.idle_timeout, [this] { on_idle(); });
}

void Supervisor::on_idle() {
    idle_.reset();
    if (state() != model::State::running) return;
    stop(std::nullopt,
         {model::Cause::idle, "nobody was connected for " + format_duration(definition_.idle_timeout), 0, false},
         [](const Result<>&) {});
}

/// A readiness or health of another kind decides in its place.
void Supervisor::on_notification(const health::Notification& said) {
    if (checks_) checks_->on_notification(said);
    if (record_.placement != model::Placement::unit) return;
    const bool ready_decides = record_.ready || check_policy_.readiness.kind == definition::ProbeKind::notify;
    tell_unit(health::message_to_systemd(said, ready_decides, feeds_watchdog_itself()));
}

/// Its WATCHDOG=1 goes to systemd as it comes.
bool Supervisor::feeds_watchdog_itself() const {
    const auto kind = check_policy_.health.kind;
    return kind == definition::ProbeKind::none || kind == definition::ProbeKind::notify;
}

void Supervisor::tell_unit(std::string_view text) const {
    if (record_.placement != model::Placement::unit || text.empty()) return;
    if (const auto told = health::notify_unit_of(record_.pid, text); !told)
        log_warning(std::format("{}: {}", id_.str(), told.error().message));
}

void Supervisor::on_ready() {
    record_.ready = true;
    if (check_policy_.health.kind != definition::ProbeKind::none) record_.health = {model::HealthStatus::starting, 0};
    save();
    settle();
    if (check_policy_.readiness.kind == definition::ProbeKind::none) return;
    tell_ready();
    listener_(*this, "ready");
}

/// A READY=1 of the program itself goes to systemd together with the rest of its message.
void Supervisor::tell_ready() const {
    const auto kind = check_policy_.readiness.kind;
    if (kind != definition::ProbeKind::none && kind != definition::ProbeKind::notify) tell_unit("READY=1");
}

void Supervisor::on_not_ready(const std::string& why) {
    log_error(std::format("{}: not ready in time: {}", id_.str(), why));
    note_request({model::Cause::health, "not ready in time: " + why, SIGKILL, false});
    save();
    run_->kill();
}

/// systemd's watchdog is fed by health, if the unit has one.
void Supervisor::on_health(const model::Health& health, bool changed, const std::string& why) {
    record_.health = health;
    if (why.empty() && !feeds_watchdog_itself()) tell_unit("WATCHDOG=1");
    if (!changed) return;
    save();
    if (health.status == model::HealthStatus::unhealthy) journal_.tell(console::notice_of_ill_health(why));
    listener_(*this, name_of(model::kHealthStatuses, health.status));
    if (health.status == model::HealthStatus::unhealthy) act_on_ill_health(why);
}

/// In the next turn of the loop: it ends the checks, one of which is just being answered.
void Supervisor::act_on_ill_health(const std::string& why) {
    const auto action = check_policy_.when_unhealthy.action;
    if (action == model::HealthAction::event) return;
    services_.loop.defer(ill_health_defer_, [this, action, why](std::uint32_t) {
        ill_health_defer_.reset();
        if (state() != model::State::running) return;
        model::EndRequest request{model::Cause::health, "unhealthy: " + why, 0, false};
        if (action == model::HealthAction::restart)
            return restart(std::nullopt, std::move(request), [](const Result<>&) {});
        stop(std::nullopt, std::move(request), [](const Result<>&) {});
    });
}

}  // namespace xctl::container
