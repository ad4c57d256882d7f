// SPDX-License-Identifier: LGPL-2.1-or-later
// What can be asked of one container, and what can be known of it.
#include <format>
#include <utility>

#include "daemon/container/run_info.hpp"
#include "daemon/container/supervisor.hpp"
#include "daemon/run/readings.hpp"
#include "lib/base/text.hpp"
#include "lib/base/time_text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_stats.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"
#include "lib/launch/parent/running_namespaces.hpp"
#include "lib/oci/user.hpp"
#include "lib/plan/environment.hpp"

namespace xctl::container {
namespace {

using Usec = std::chrono::microseconds;

}  // namespace

void Supervisor::start(std::vector<std::string> args, Done done) {
    const bool runs = state() == model::State::running || state() == model::State::starting;
    if (runs && !args.empty())
        return done(fail(Errc::wrong_state, std::format("{} is {}; stop it first to start it with other arguments",
                                                        id_.str(), name_of(model::kStates, state()))));
    if (state() == model::State::running) return done({});
    if (!model::has_run(state())) {
        if (auto compiled = services_.blueprints.of_container(id_, definition_, args); !compiled)
            return done(std::unexpected(std::move(compiled).error()));
        record_.args = std::move(args);
        record_.placement = model::Placement::scope;
        launch_failure_.reset();
    }
    if (!runs)
        if (auto applied = apply(model::Trigger::start); !applied) return done(std::move(applied));
    waiters_.push_back({Waiter::For::running, std::move(done)});
}

void Supervisor::when_ready(Done done) {
    waiters_.push_back({Waiter::For::ready, std::move(done)});
    if (state() != model::State::starting && state() != model::State::stopping) settle();
}

void Supervisor::when_launched(Done done) {
    if (state() != model::State::starting || (run_ && run_->waits_for_hooks())) return done({});
    waiters_.push_back({Waiter::For::running, std::move(done)});
}

Result<> Supervisor::start_in_unit(UniqueFd connection, std::string unit) {
    const bool expected = state() == model::State::starting && record_.placement == model::Placement::unit && !run_;
    if (!expected) {
        if (run_) return fail(Errc::wrong_state, std::format("{} runs already, in {}", id_.str(), record_.unit));
        if (model::has_run(state()))
            return fail(Errc::wrong_state, std::format("{} is {}", id_.str(), name_of(model::kStates, state())));
        record_.placement = model::Placement::unit;
        record_.args.clear();
        launch_failure_.reset();
    }
    record_.unit = std::move(unit);
    unit_connection_ = std::move(connection);
    if (expected) {
        launch();
        return {};
    }
    return apply(model::Trigger::start);
}

void Supervisor::stop(std::optional<Usec> timeout, model::EndRequest request, Done done) {
    const bool again = state() == model::State::stopping;
    stop_timeout_ = timeout;
    note_request(std::move(request));
    waiters_.push_back({Waiter::For::stopped, std::move(done)});
    (void)apply(model::Trigger::stop);
    if (again && timeout && state() == model::State::stopping) arm_stop_timer(*timeout);
}

void Supervisor::restart(std::optional<Usec> timeout, model::EndRequest request, Done done) {
    stop_timeout_ = timeout;
    launch_failure_.reset();
    note_request(std::move(request));
    if (auto applied = apply(model::Trigger::restart); !applied) return done(std::move(applied));
    waiters_.push_back({Waiter::For::running, std::move(done)});
}

void Supervisor::wait(Done done, Presence caller) {
    if (model::is_at_rest(state())) return done({});
    waiters_.push_back({Waiter::For::ended, std::move(done), std::move(caller)});
}

void Supervisor::forget_departed() {
    waiters_.remove_if([](const Waiter& waiter) { return waiter.caller.has_left(); });
}

void Supervisor::finish() {
    remove_saved_console();
    console_.finish_clients();
    execs_.finish();
    for (auto& waiter : std::exchange(waiters_, {})) waiter.done(fail(Errc::cancelled, "the container was deleted"));
}

bool Supervisor::is_about_to_stop() const {
    const bool comes_back = effective_policy().when != model::RestartWhen::no && !record_.machine.stop_asked;
    return run_ && !comes_back && kernel::has_exited(run_->pidfd());
}

/// Only what a run can end by is worth remembering, and the first stop decides.
void Supervisor::note_request(model::EndRequest request) {
    if (model::has_run(state()) && !record_.machine.stop_asked) record_.end_request = std::move(request);
}

Result<> Supervisor::kill(int signal, bool all, model::EndRequest request) {
    if (!run_) return fail(Errc::wrong_state, std::format("{} is not running", id_.str()));
    note_request(std::move(request));
    save();
    if (!all) return run_->send_signal(signal);
    return kernel::signal_cgroup(TRY(open_payload()), signal);
}

void Supervisor::pause(Done done) {
    if (state() == model::State::paused && pausers_.empty()) return done({});
    pausers_.push_back(std::move(done));
    auto applied = apply(model::Trigger::pause);
    if (applied) return;
    const auto mine = std::move(pausers_.back());
    pausers_.pop_back();
    mine(std::move(applied));
}

Result<> Supervisor::resume() { return state() == model::State::running ? Result<>() : apply(model::Trigger::resume); }

Result<> Supervisor::reset() { return apply(model::Trigger::reset); }

/// One whose processes cannot be frozen goes on.
void Supervisor::freeze() {
    if (!run_) return;
    freezer_.freeze(run_->payload(), [this](Result<> frozen) {
        const bool refused = !frozen && frozen.error().code != Errc::cancelled;
        if (refused && state() == model::State::paused) (void)apply(model::Trigger::resume);
        tell_pausers(std::move(frozen));
    });
}

/// Also what `systemctl freeze` froze.
void Supervisor::thaw() {
    if (!run_) return;
    (void)freezer_.thaw(run_->payload());
    if (kernel::read_number(run_->payload(), "../cgroup.freeze").value_or(0) != 0) services_.scopes.thaw(record_.unit);
    if (std::exchange(record_.frozen_by_unit, false)) save();
    if (state() == model::State::running) begin_checks();
}

/// By somebody else: pause() and resume() have changed the state before.
void Supervisor::on_frozen(bool frozen) {
    if (state() != (frozen ? model::State::running : model::State::paused)) return;
    record_.frozen_by_unit = frozen;
    (void)apply(frozen ? model::Trigger::frozen : model::Trigger::thawed);
    if (frozen)
        checks_.reset();  // whoever is frozen answers nobody
    else
        begin_checks();
}

void Supervisor::tell_pausers(Result<> result) {
    for (const auto& done : std::exchange(pausers_, {})) done(result);
}

Result<int> Supervisor::open_payload() const {
    if (!run_ || run_->payload() < 0) return fail(Errc::wrong_state, std::format("{} is not running", id_.str()));
    return run_->payload();
}

Result<run::Excerpt<api::Process>> Supervisor::list_processes() const {
    return run::list_container_processes(TRY(open_payload()));
}

Result<api::Stats> Supervisor::read_stats() const { return run::read_stats(id_.str(), TRY(open_payload())); }

/// One that has the host's network has no interfaces of its own.
run::Excerpt<api::Interface> Supervisor::read_network() const {
    if (!run_ || plan::find_namespace(run_->plan(), plan::NamespaceKind::network) == nullptr) return {};
    return run::read_network(run_->pidfd()).value_or(run::Excerpt<api::Interface>());
}

api::RunInfo Supervisor::last_failure() const {
    const auto* run = model::find_failure(record_.history);
    return run != nullptr ? to_info(*run) : api::RunInfo();
}

std::vector<api::RunInfo> Supervisor::history() const {
    std::vector<api::RunInfo> out;
    for (const auto& run : record_.history) out.push_back(to_info(run));
    return out;
}

Result<plan::LaunchPlan> Supervisor::compile_exec(const api::ExecRequest& request) const {
    if (request.command.empty()) return fail(Errc::invalid_argument, "the command is missing");
    const auto running = TRY(services_.blueprints.of_whole(id_, directory_.load_running()));
    auto process = running->spec.process.value_or(oci::Process{});
    process.args = request.command;
    process.terminal = request.terminal;
    process.console_size.reset();
    if (!request.cwd.empty()) process.cwd = request.cwd;
    if (!request.user.empty()) TRY(oci::set_user(process.user, request.user));
    for (const auto& entry : request.env) {
        if (entry.find('=') == std::string::npos || entry.starts_with('='))
            return fail(Errc::invalid_argument, std::format("{}: must be NAME=VALUE", xctl::quoted(entry)));
        plan::set_env(process.env, entry);
    }
    auto plan = plan::compile_exec(running->spec, process, state_now());
    if (!plan && plan.error().code == Errc::invalid_document) plan.error().code = Errc::invalid_argument;
    return plan;
}

/// To where the init is: below the payload cgroup if it manages groups of its own, whose inner ones hold no processes.
/// By then its namespaces have been looked up by its number, which so was its own all the time.
Result<> Supervisor::enter(pid_t pid, pid_t keeper) const {
    if (!run_ || run_->payload() < 0) return fail(Errc::wrong_state, std::format("{} has ended", id_.str()));
    TRY(kernel::send_signal(run_->pidfd(), 0), "the container's init");
    const auto path = TRY(kernel::read_cgroup_path(record_.pid));
    const auto cgroup = TRY(kernel::open_cgroup(path));
    if (keeper >= 0) TRY(launch::place_keeper(run_->payload(), keeper), "the keeper");
    return kernel::add_process(cgroup.get(), pid);
}

Result<Execs::Opened> Supervisor::exec(const api::ExecRequest& request, const api::Peer& peer,
                                       Execs::Started started,
                                       std::function<void(const model::ExitRecord&)> ended) {
    // While it is asked to stop its program goes on, for as long as that takes.
    const bool runs =
        state() == model::State::running || (state() == model::State::stopping && run_ && run_->has_program());
    if (!runs) return fail(Errc::wrong_state, std::format("{} is {}", id_.str(), name_of(model::kStates, state())));
    Execs::Order order;
    order.plan = TRY(compile_exec(request));
    order.plan.namespaces = TRY(launch::list_namespaces_to_join(record_.pid));
    order.input = request.input;
    order.enter = [this](pid_t pid, pid_t keeper) { return enter(pid, keeper); };
    order.ended = std::move(ended);
    auto options = TRY(console::ConsoleClient::Options::of(request, request, peer));
    options.observe = !request.input && !request.terminal;
    return execs_.start(std::move(order), std::move(options), std::move(started));
}

/// Tells those whose state has come. In the order they asked, and each once.
void Supervisor::settle() {
    std::list<Waiter> ready;
    for (auto it = waiters_.begin(); it != waiters_.end();) {
        const bool stopped = model::is_at_rest(state()) || (state() == model::State::created && !run_);
        const bool running = state() == model::State::running;
        const bool stuck = state() == model::State::quarantined && it->what != Waiter::For::ended;
        const bool waits_for_run = it->what == Waiter::For::running || it->what == Waiter::For::ready;
        const bool here = running && (it->what == Waiter::For::running || record_.ready);
        const bool over = stuck || stopped || (waits_for_run && (here || state() == model::State::waiting));
        const auto next = std::next(it);
        if (over) ready.splice(ready.end(), waiters_, it);
        it = next;
    }
    for (auto& waiter : ready) {
        const bool waited_for_run = waiter.what == Waiter::For::running || waiter.what == Waiter::For::ready;
        const bool reached = !waited_for_run || state() == model::State::running;
        if (state() == model::State::quarantined)
            waiter.done(fail(Errc::timeout, std::format("{} is quarantined: {}", id_.str(), record_.quarantine)));
        else if (reached)
            waiter.done({});
        else if (launch_failure_)
            waiter.done(std::unexpected(*launch_failure_));
        else if (record_.machine.last_exit.reason == model::ExitReason::launch_failed)
            waiter.done(fail(Errc::launch_failed, record_.machine.last_exit.message));
        else
            waiter.done(fail(Errc::cancelled, "it was stopped before it ran"));
    }
}

api::ContainerInfo Supervisor::info() const {
    const auto& machine = record_.machine;
    api::ContainerInfo info;
    info.name = id_.str();
    info.status = model::oci_status(machine.state);
    info.state = name_of(model::kStates, machine.state);
    info.pid = record_.pid > 0 ? static_cast<std::uint64_t>(record_.pid) : 0;
    info.bundle = definition_.bundle;
    info.unit = run_ ? record_.unit : "";
    info.restart = name_of(model::kRestartPolicies, definition_.restart.when);
    info.autostart = definition_.autostart;
    info.runs = machine.runs;
    info.restarts = machine.restarts;
    info.started = to_usec(record_.started);
    info.exited = to_usec(machine.last_exit.time);
    info.next_start = to_usec(record_.next_start);
    info.exit_reason = name_of(model::kExitReasons, machine.last_exit.reason);
    info.exit_status = machine.last_exit.status;
    info.message = state() == model::State::quarantined ? record_.quarantine : machine.last_exit.message;
    info.console_begin = console_.ring().begin();
    info.console_end = console_.ring().end();
    info.attached = clients().count();
    info.ready = state() == model::State::running && record_.ready;
    info.health = state() == model::State::running ? name_of(model::kHealthStatuses, record_.health.status) : "";
    return info;
}

oci::State Supervisor::state_now() const {
    oci::State out;
    out.oci_version = record_.oci_version;
    out.id = id_.str();
    out.status = value_of(oci::kStatusNames, model::oci_status(state())).value_or(oci::Status::stopped);
    out.pid = record_.pid > 0 ? record_.pid : 0;
    out.bundle = definition_.bundle;
    out.annotations = record_.annotations;
    return out;
}

std::string Supervisor::oci_state() const { return oci::to_json(state_now()); }

}  // namespace xctl::container
