// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/supervisor.hpp"

#include <csignal>
#include <format>

#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/launch/launch.hpp"
#include "lib/launch/service_protocol.hpp"
#include "lib/oci/names.hpp"
#include "lib/oci/state.hpp"
#include "lib/plan/payload.hpp"

namespace xctl {
namespace {

using Usec = std::chrono::microseconds;

/// What attached clients see as the status of a program that never ran, as shells have it.
constexpr int kLaunchFailedStatus = 127;
constexpr int kUnknownStatus = -1;
constexpr const char* kConsoleFile = "console";
constexpr const char* kImageAnnotation = "org.opencontainers.image.ref.name";

std::string scope_name(const ContainerId& id) { return "xctl-" + id.str() + ".scope"; }

std::uint64_t to_usec(TimePoint time) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<Usec>(time.time_since_epoch()).count());
}

}  // namespace

Supervisor::Supervisor(Services& services, const Journal& journal, ContainerId id, Definition definition,
                       RunDirectory directory, Ring ring, Listener listener)
    : services_(services),
      id_(std::move(id)),
      definition_(std::move(definition)),
      directory_(std::move(directory)),
      saved_console_(id_),
      console_(services.loop, std::move(ring)),
      journal_(services.loop, journal, console_.ring(), id_.str()),
      record_(directory_.load()),
      listener_(std::move(listener)) {
    journal_.set_unit(record_.unit, record_.pid);
    journal_.set_image(image_name());
    apply_definition();
    console_.set_listener([this] { journal_.pump(); });
    console_.set_shrink_listener([this] {
        if (run_) run_->repark();
    });
}

Supervisor::~Supervisor() { *alive_ = false; }

Result<std::unique_ptr<Supervisor>> Supervisor::open(Services& services, const Journal& journal, const std::string& run_base,
                                                     ContainerId id, Definition definition, Listener listener) {
    auto directory = TRY(RunDirectory::open(run_base, id));
    if (definition.persistent_console) SavedConsole(id).restore(directory.fd(), kConsoleFile);
    auto ring = TRY(Ring::open_at(directory.fd(), kConsoleFile, definition.scrollback));
    return std::unique_ptr<Supervisor>(new Supervisor(services, journal, std::move(id), std::move(definition),
                                                      std::move(directory), std::move(ring), std::move(listener)));
}

void Supervisor::set_definition(Definition definition) {
    definition_ = std::move(definition);
    apply_definition();
}

/// What counts at once.
void Supervisor::apply_definition() {
    journal_.set_limit(definition_.journal_limit);
    if (auto resized = console_.resize_ring(directory_.fd(), kConsoleFile, definition_.scrollback); !resized)
        log_error(std::format("{}: {}", id_.str(), resized.error().message));
    if (!definition_.persistent_console) saved_console_.remove();
}

std::string Supervisor::image_name() const {
    const auto it = record_.annotations.find(kImageAnnotation);
    return it == record_.annotations.end() ? std::string() : it->second;
}

void Supervisor::save_console() {
    if (!definition_.persistent_console) return;
    if (const auto saved = saved_console_.save(console_.ring()); !saved)
        log_error(std::format("{}: {}", id_.str(), saved.error().message));
}

Result<> Supervisor::apply(Trigger trigger, const ExitRecord& exit) {
    const auto before = record_.machine.state;
    const auto actions =
        TRY(advance(record_.machine, trigger, effective_policy(), std::chrono::system_clock::now(), exit));
    save();
    for (const auto action : actions) carry_out(action);
    if (record_.machine.state != before) listener_(*this, name_of(kStates, record_.machine.state));
    settle();
    return {};
}

void Supervisor::save() {
    if (const auto saved = directory_.save(record_); !saved)
        log_error(std::format("{}: {}", id_.str(), saved.error().message));
}

/// In a unit, restarts are systemd's.
RestartPolicy Supervisor::effective_policy() const {
    if (record_.placement == Placement::scope) return definition_.restart;
    return {};
}

void Supervisor::carry_out(Action action) {
    switch (action) {
        case Action::launch: return launch();
        case Action::signal: return send_stop_signal();
        case Action::kill: return run_ ? run_->kill() : give_up_launch();
        case Action::arm_restart: return arm_restart();
        case Action::cancel_restart: return restart_timer_.reset();
    }
}

/// In the next turn of the loop, so that nothing ends within the call that began it.
void Supervisor::launch() {
    auto deferred = services_.loop.add_defer([this](std::uint32_t) {
        launch_defer_.reset();
        if (record_.placement == Placement::unit && !unit_connection_) {
            // A restart of a container in a unit: systemd starts the unit anew, which comes back to us.
            return services_.scopes.start_unit(record_.unit, [this, alive = alive_](const Result<>& started) {
                if (*alive && !started && state() == State::starting && !run_) refuse(started.error());
            });
        }
        const auto compiled = compile(record_.args);
        if (!compiled) return refuse(compiled.error());
        if (auto saved = directory_.save_running(compiled->document); !saved) return refuse(saved.error());
        begin_run(*compiled);
    });
    if (deferred) launch_defer_ = std::move(*deferred);
}

/// Stopped before there is a run: nothing would ever end, so it is ended here, in the next turn as above.
void Supervisor::give_up_launch() {
    if (record_.placement == Placement::unit) services_.scopes.stop(record_.unit, [](const Result<>&) {});
    auto deferred = services_.loop.add_defer([this](std::uint32_t) {
        launch_defer_.reset();
        refuse(Error{Errc::cancelled, 0, "it was stopped before it ran", {}, {}});
    });
    if (deferred) launch_defer_ = std::move(*deferred);
}

/// The bundle or the definition turned bad since the start was asked for.
void Supervisor::refuse(const Error& error) {
    if (unit_connection_) {
        launch::ServiceMessage refusal;
        refusal.kind = launch::ServiceKind::refusal;
        refusal.text = error.message.substr(0, launch::kMaxText);
        (void)launch::send_service(unit_connection_.get(), refusal, {});
    }
    on_ended({ExitReason::launch_failed, 0, std::chrono::system_clock::now(), error.message}, error);
}

void Supervisor::begin_run(const Blueprint& compiled) {
    for (const auto& warning : launch::list_idle_labels(compiled.plan)) log_warning(std::format("{}: {}", id_.str(), warning));
    for (const auto& warning : compiled.warnings) log_warning(std::format("{}: {}", id_.str(), warning));
    if (!compiled.spec.linux_config.cgroups_path.empty())
        log_warning(std::format("{}: /linux/cgroupsPath: has no effect, the unit decides where the cgroup is", id_.str()));
    plan_ = std::make_shared<const plan::LaunchPlan>(compiled.plan);
    record_.annotations = compiled.spec.annotations;
    record_.oci_version = compiled.spec.oci_version;
    record_.bundle = definition_.bundle;
    if (record_.placement == Placement::scope) record_.unit = scope_name(id_);
    record_.pid = -1;
    save();
    journal_.set_unit(record_.unit, -1);
    journal_.set_image(image_name());
    make_run();
    if (unit_connection_)
        run_->launch_in_unit(std::move(unit_connection_));
    else
        run_->launch();
}

void Supervisor::make_run() {
    Run::Setup setup;
    setup.name = id_.str();
    setup.placement = record_.placement;
    setup.unit = record_.unit;
    setup.plan = plan_;
    setup.stop_signal = stop_signal();
    setup.stop_timeout = definition_.stop_timeout;
    setup.run_directory = directory_.fd();
    setup.number = record_.machine.runs;
    setup.launched = state() != State::starting;
    run_ = std::make_unique<Run>(services_, console_, std::move(setup), run_listener());
}

Run::Listener Supervisor::run_listener() {
    return {
        [this](pid_t pid) { on_placed(pid); },
        [this] {
            if (state() == State::starting || state() == State::stopping) (void)apply(Trigger::launched);
        },
        [this](ExitRecord record, std::optional<Error> failure) { on_ended(std::move(record), std::move(failure)); },
    };
}

void Supervisor::on_placed(pid_t pid) {
    record_.pid = pid;
    journal_.set_unit(record_.unit, pid);
    save();
}

/// The record is saved before the parked descriptors are let go: whenever the daemon dies in between, the next
/// one finds either the run or how it ended.
void Supervisor::on_ended(ExitRecord record, std::optional<Error> failure) {
    stop_timer_.reset();
    finished_run_ = std::move(run_);
    unit_connection_.reset();
    record_.pid = -1;
    journal_.finish();
    journal_.set_unit(record_.unit, -1);
    launch_failure_ = std::move(failure);
    if (launch_failure_) log_error(std::format("{}: {}", id_.str(), launch_failure_->message));
    (void)apply(launch_failure_ ? Trigger::launch_failed : Trigger::exited, record);
    end_open_run();
    services_.parking.drop(id_.str());
    if (record_.placement == Placement::unit) return;
    services_.scopes.reset_failed(scope_name(id_));
    if (launch_failure_ && state() != State::starting) services_.scopes.discard(scope_name(id_), [](const Result<>&) {});
}

/// Marks the end of a run whose beginning the console shows.
void Supervisor::end_open_run() {
    if (!console_.ring().run_is_open()) return;
    const auto& exit = record_.machine.last_exit;
    const bool signaled = exit.reason == ExitReason::signal || exit.reason == ExitReason::oom_kill;
    const int status = exit.reason == ExitReason::launch_failed ? kLaunchFailedStatus
                       : exit.reason == ExitReason::unknown     ? kUnknownStatus
                                                                : exit.status;
    console_.mark_run_end(signaled, status, state() == State::stopped);
    save_console();
}

void Supervisor::send_stop_signal() {
    if (record_.placement == Placement::scope) return signal_run();
    // systemd knows how this unit is to be stopped, and its timeout; a shorter one of the caller's still holds.
    if (stop_timeout_) arm_stop_timer(*stop_timeout_);
    services_.scopes.stop(record_.unit, [this, alive = alive_](const Result<>& stopped) {
        if (*alive && !stopped && state() == State::stopping) signal_run();
    });
}

void Supervisor::signal_run() {
    if (run_) (void)run_->send_signal(stop_signal());
    arm_stop_timer(stop_timeout_.value_or(definition_.stop_timeout));
}

void Supervisor::arm_stop_timer(Usec timeout) {
    auto timer = services_.loop.add_timer(timeout, [this](std::uint32_t) {
        stop_timer_.reset();
        (void)apply(Trigger::stop_timeout);
    });
    if (timer) stop_timer_ = std::move(*timer);
}

int Supervisor::stop_signal() const {
    auto word = definition_.stop_signal;
    if (word.empty()) {
        const auto it = record_.annotations.find("org.opencontainers.image.stopSignal");
        if (it != record_.annotations.end()) word = it->second;
    }
    if (word.empty() && plan_) word = plan::default_stop_signal(plan_->process.args);
    return oci::parse_signal(word).value_or(SIGTERM);
}

void Supervisor::arm_restart() {
    const auto now = std::chrono::system_clock::now();
    const auto delay = std::max(std::chrono::duration_cast<Usec>(record_.machine.next_start - now), Usec(0));
    auto timer = services_.loop.add_timer(delay, [this](std::uint32_t) {
        restart_timer_.reset();
        (void)apply(Trigger::timer);
    });
    if (timer) restart_timer_ = std::move(*timer);
}

void Supervisor::start(std::vector<std::string> args, Done done) {
    if (state() != State::starting && state() != State::running && state() != State::stopping) {
        if (auto compiled = compile(args); !compiled) return done(std::unexpected(std::move(compiled).error()));
        record_.args = std::move(args);
        record_.placement = Placement::scope;
        launch_failure_.reset();
    }
    if (auto applied = apply(Trigger::start); !applied) return done(std::move(applied));
    waiters_.push_back({Waiter::For::running, std::move(done)});
}

Result<> Supervisor::start_in_unit(UniqueFd connection, std::string unit) {
    const bool expected = state() == State::starting && record_.placement == Placement::unit && !run_;
    if (!expected) {
        if (run_) return fail(Errc::wrong_state, std::format("{} runs already, in {}", id_.str(), record_.unit));
        if (state() == State::starting || state() == State::stopping)
            return fail(Errc::wrong_state, std::format("{} is {}", id_.str(), name_of(kStates, state())));
        record_.placement = Placement::unit;
        record_.args.clear();
        launch_failure_.reset();
    }
    record_.unit = std::move(unit);
    unit_connection_ = std::move(connection);
    if (expected) {
        launch();
        return {};
    }
    return apply(Trigger::start);
}

void Supervisor::stop(std::optional<Usec> timeout, Done done) {
    const bool again = state() == State::stopping;
    stop_timeout_ = timeout;
    waiters_.push_back({Waiter::For::stopped, std::move(done)});
    (void)apply(Trigger::stop);
    if (again && timeout && state() == State::stopping) arm_stop_timer(*timeout);
}

void Supervisor::restart(std::optional<Usec> timeout, Done done) {
    stop_timeout_ = timeout;
    launch_failure_.reset();
    if (auto applied = apply(Trigger::restart); !applied) return done(std::move(applied));
    waiters_.push_back({Waiter::For::running, std::move(done)});
}

void Supervisor::wait(Done done) {
    if (state() == State::stopped) return done({});
    waiters_.push_back({Waiter::For::stopped, std::move(done)});
}

void Supervisor::finish() {
    saved_console_.remove();
    console_.finish_clients();
    for (auto& waiter : std::exchange(waiters_, {})) waiter.done(fail(Errc::cancelled, "the container was deleted"));
}

Result<> Supervisor::kill(int signal) {
    if (!run_) return fail(Errc::wrong_state, std::format("{} is not running", id_.str()));
    return run_->send_signal(signal);
}

/// Tells those whose state has come. In the order they asked, and each once.
void Supervisor::settle() {
    std::list<Waiter> ready;
    for (auto it = waiters_.begin(); it != waiters_.end();) {
        const bool stopped = state() == State::stopped || (state() == State::created && !run_);
        const bool running = state() == State::running;
        const bool over = it->what == Waiter::For::running ? running || stopped || state() == State::waiting : stopped;
        const auto next = std::next(it);
        if (over) ready.splice(ready.end(), waiters_, it);
        it = next;
    }
    for (auto& waiter : ready) {
        const bool started = waiter.what == Waiter::For::stopped || state() == State::running;
        if (started)
            waiter.done({});
        else if (launch_failure_)
            waiter.done(std::unexpected(*launch_failure_));
        else if (record_.machine.last_exit.reason == ExitReason::launch_failed)
            waiter.done(fail(Errc::launch_failed, record_.machine.last_exit.message));
        else
            waiter.done(fail(Errc::cancelled, "it was stopped before it ran"));
    }
}

void Supervisor::recover(std::optional<Parking::Entry> parked) {
    auto& machine = record_.machine;
    outlived_daemon_ = machine.runs > 0;
    const auto number = parked ? Run::parked_number(*parked) : 0;
    if (number > machine.runs) {
        // The record could not be saved when this run began; the run itself is the better witness.
        machine.runs = number;
        machine.state = State::starting;
    }
    const bool active = state() == State::starting || state() == State::running || state() == State::stopping;
    if (parked && (!active || number != machine.runs)) {
        services_.parking.drop(id_.str());
        parked.reset();
    }
    if (parked) {
        if (const auto compiled = compile_running()) plan_ = std::make_shared<const plan::LaunchPlan>(compiled->plan);
        if (!plan_) plan_ = std::make_shared<const plan::LaunchPlan>();
        make_run();
        if (const auto adopted = run_->adopt(std::move(*parked)); !adopted) {
            console_.close_run();
            return on_ended({ExitReason::unknown, 0, std::chrono::system_clock::now(), adopted.error().message}, std::nullopt);
        }
        if (state() == State::stopping) send_stop_signal();
        return;
    }
    if (state() == State::waiting || state() == State::stopped) end_open_run();
    switch (state()) {
        case State::starting:
            // Its init saw us die before it was released. What was asked for has not happened yet, so do it now.
            if (record_.placement == Placement::scope) return launch();
            [[fallthrough]];
        case State::running:
        case State::stopping: return end_lost_run();
        case State::waiting: return arm_restart();
        case State::created:
        case State::stopped: return;
    }
}

/// Its descriptors are gone, so its console cannot be had again. Whatever of it still runs must not go on unseen.
void Supervisor::end_lost_run() {
    const auto ended = [this, alive = alive_](const Result<>&) {
        if (!*alive || run_) return;
        on_ended({ExitReason::unknown, 0, std::chrono::system_clock::now(), "its run was lost"}, std::nullopt);
    };
    if (record_.placement == Placement::scope)
        services_.scopes.discard(record_.unit, ended);
    else
        services_.scopes.stop(record_.unit, ended);
}

api::ContainerInfo Supervisor::info() const {
    const auto& machine = record_.machine;
    api::ContainerInfo info;
    info.name = id_.str();
    info.status = oci_status(machine.state);
    info.state = name_of(kStates, machine.state);
    info.pid = record_.pid > 0 ? static_cast<std::uint64_t>(record_.pid) : 0;
    info.bundle = definition_.bundle;
    info.unit = run_ ? record_.unit : "";
    info.restart = name_of(kRestartPolicies, definition_.restart.when);
    info.autostart = definition_.autostart;
    info.runs = machine.runs;
    info.restarts = machine.restarts;
    info.started = to_usec(machine.started);
    info.exited = to_usec(machine.last_exit.time);
    info.next_start = to_usec(machine.next_start);
    info.exit_reason = name_of(kExitReasons, machine.last_exit.reason);
    info.exit_status = machine.last_exit.status;
    info.message = machine.last_exit.message;
    info.console_begin = console_.ring().begin();
    info.console_end = console_.ring().end();
    info.attached = clients().count();
    return info;
}

std::string Supervisor::oci_state() const {
    oci::State out;
    out.oci_version = record_.oci_version;
    out.id = id_.str();
    out.status = value_of(oci::kStatusNames, oci_status(state())).value_or(oci::Status::stopped);
    out.pid = record_.pid > 0 ? record_.pid : 0;
    out.bundle = definition_.bundle;
    out.annotations = record_.annotations;
    return oci::to_json(out);
}

}  // namespace xctl
