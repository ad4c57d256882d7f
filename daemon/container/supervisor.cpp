// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/supervisor.hpp"

#include <algorithm>
#include <csignal>
#include <format>
#include <random>

#include "daemon/container/machine.hpp"
#include "daemon/definition/dependencies.hpp"
#include "daemon/definition/unit_names.hpp"
#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/launch/parent/launch.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"
#include "lib/launch/service_protocol.hpp"
#include "lib/oci/state.hpp"
#include "lib/plan/payload.hpp"

namespace xctl::container {
namespace {

using Usec = std::chrono::microseconds;

/// From 0 to 1. Predictability does no harm here.
double chance() {
    static std::minstd_rand generator(std::random_device{}());
    return std::generate_canonical<double, 32>(generator);
}

constexpr const char* kConsoleFile = "console";
constexpr const char* kImageAnnotation = "org.opencontainers.image.ref.name";

}  // namespace

Supervisor::Supervisor(run::Services& services, const console::Journal& journal, ContainerId id,
                       definition::Definition definition, run::RunDirectory directory, ring::Ring ring,
                       std::string exec_directory, Listener listener)
    : services_(services),
      id_(std::move(id)),
      definition_(std::move(definition)),
      directory_(std::move(directory)),
      saved_console_(id_),
      console_(services.loop, services.pipe_workers, std::move(ring)),
      journal_(services.loop, journal, console_.ring(), id_.str()),
      record_(directory_.load()),
      listener_(std::move(listener)),
      freezer_(services.loop),
      root_changes_(services.loop),
      execs_(services, id_.str(), std::move(exec_directory)) {
    journal_.set_unit(record_.unit, record_.pid);
    journal_.set_image(image_name());
    apply_definition();
    console_.set_listener([this] { journal_.pump(); });
    console_.set_shrink_listener([this] {
        if (run_) run_->repark();
    });
    const auto on_hang = [this](pid_t worker) { take_in_worker(worker); };
    console_.set_hang_listener(on_hang);
    execs_.set_hang_listener(on_hang);
}

Supervisor::~Supervisor() { *alive_ = false; }

Result<std::unique_ptr<Supervisor>> Supervisor::open(run::Services& services, const console::Journal& journal,
                                                     const std::string& run_base, ContainerId id,
                                                     definition::Definition definition, Listener listener) {
    auto directory = TRY(run::RunDirectory::open(run_base, id));
    if (definition.persistent_console) ring::SavedConsole(id).restore(directory.fd(), kConsoleFile);
    auto ring = TRY(ring::Ring::open_at(directory.fd(), kConsoleFile, definition.scrollback));
    auto execs = std::format("{}/{}/exec", run_base, id.str());
    return std::unique_ptr<Supervisor>(new Supervisor(services, journal, std::move(id), std::move(definition),
                                                      std::move(directory), std::move(ring), std::move(execs),
                                                      std::move(listener)));
}

void Supervisor::set_definition(definition::Definition definition) {
    const bool new_policy = definition.restart != definition_.restart;
    definition_ = std::move(definition);
    apply_definition();
    if (new_policy && state() == model::State::waiting) (void)apply(model::Trigger::policy_changed);
}

/// What counts at once.
void Supervisor::apply_definition() {
    journal_.set_limit(definition_.journal_limit);
    if (auto resized = console_.resize_ring(directory_.fd(), kConsoleFile, definition_.scrollback); !resized)
        log_error(std::format("{}: {}", id_.str(), resized.error().message));
    if (!definition_.persistent_console) remove_saved_console();
    watch_idle_time();
}

std::string Supervisor::image_name() const {
    const auto it = record_.annotations.find(kImageAnnotation);
    return it == record_.annotations.end() ? std::string() : it->second;
}

void Supervisor::remove_saved_console() const {
    if (const auto removed = saved_console_.remove(); !removed)
        log_error(std::format("{}: {}", id_.str(), removed.error().message));
}

void Supervisor::save_console() {
    if (!definition_.persistent_console) return;
    if (const auto saved = saved_console_.save(console_.ring()); !saved)
        log_error(std::format("{}: {}", id_.str(), saved.error().message));
}

Result<> Supervisor::apply(model::Trigger trigger, const model::ExitRecord& exit) {
    const auto before = record_.machine.state;
    const auto now = std::chrono::steady_clock::now();
    const auto advanced = advance(record_.machine, trigger, effective_policy(), now, exit, chance());
    if (!advanced)
        return fail(advanced.error().code, std::format("{} is {}", id_.str(), name_of(model::kStates, before)));
    record_.note_times(now);
    if (std::ranges::contains(*advanced, model::Action::report_crash_loop)) note_giving_up();
    save();
    for (const auto action : *advanced) carry_out(trigger, action);
    if (record_.machine.state != before) listener_(*this, name_of(model::kStates, record_.machine.state));
    settle();
    return {};
}

/// Somebody has removed the directory: what is known of the container goes into a new one.
Result<> Supervisor::restore_directory() {
    if (!TRY(directory_.restore())) return {};
    log_warning(std::format("{}: its state directory was removed under xctld, and is made again", id_.str()));
    if (model::has_run(state()))
        if (const auto compiled = services_.blueprints.of_container(id_, definition_, record_.args))
            TRY(directory_.save_running((*compiled)->document));
    return console_.resize_ring(directory_.fd(), kConsoleFile, definition_.scrollback);
}

void Supervisor::save() {
    auto saved = restore_directory();
    if (saved) saved = directory_.save(record_);
    if (!saved) log_error(std::format("{}: {}", id_.str(), saved.error().message));
    is_saved_ = saved.has_value();
}

/// In a unit, restarts are systemd's.
model::RestartPolicy Supervisor::effective_policy() const {
    if (record_.placement == model::Placement::scope) return definition_.restart;
    return {};
}

void Supervisor::carry_out(model::Trigger trigger, model::Action action) {
    switch (action) {
        case model::Action::launch: return launch();
        case model::Action::signal: return send_stop_signal();
        case model::Action::kill:
            // Hooks that are late tell nothing of how the container ended.
            if (trigger == model::Trigger::stop_timeout && !(run_ && run_->waits_for_hooks())) note_timeout();
            if (is_lost_) return;  // systemd is at it
            return run_ ? run_->kill() : give_up_launch();
        case model::Action::freeze:
            checks_.reset();  // whoever is frozen answers nobody
            return freeze();
        case model::Action::thaw: return thaw();
        case model::Action::report_crash_loop:
            journal_.tell(console::notice_of_giving_up(record_.machine.last_exit));
            return listener_(*this, "crash-loop");
        case model::Action::arm_restart: return arm_restart();
        case model::Action::cancel_restart: return restart_timer_.reset();
    }
}

/// In the next turn of the loop, so that nothing ends within the call that began it.
void Supervisor::launch() {
    services_.loop.defer(launch_defer_, [this](std::uint32_t) {
        launch_defer_.reset();
        if (record_.placement == model::Placement::unit && !unit_connection_) {
            // A restart of a container in a unit: systemd starts the unit anew, which comes back to us.
            return services_.scopes.start_unit(record_.unit, [this, alive = alive_](const Result<>& started) {
                if (*alive && !started && state() == model::State::starting && !run_) refuse(started.error());
            });
        }
        const auto compiled = services_.blueprints.of_container(id_, definition_, record_.args);
        if (!compiled) return refuse(compiled.error());
        if (auto saved = directory_.save_running((*compiled)->document); !saved) return refuse(saved.error());
        begin_run(**compiled);
    });
}

/// Stopped before there is a run: nothing would ever end, so it is ended here, in the next turn as above.
void Supervisor::give_up_launch() {
    if (record_.placement == model::Placement::unit) services_.scopes.stop(record_.unit, [](const Result<>&) {});
    services_.loop.defer(launch_defer_, [this](std::uint32_t) {
        launch_defer_.reset();
        refuse(Error{Errc::cancelled, 0, "it was stopped before it ran", {}, {}});
    });
}

/// The bundle or the definition turned bad since the start was asked for.
void Supervisor::refuse(const Error& error) {
    if (unit_connection_) {
        launch::ServiceMessage refusal;
        refusal.kind = launch::ServiceKind::refusal;
        refusal.text = error.message.substr(0, launch::kMaxText);
        (void)launch::send_service(unit_connection_.get(), refusal, {});
    }
    on_ended({model::ExitReason::launch_failed, 0, std::chrono::system_clock::now(), error.message}, error);
}

void Supervisor::begin_run(const definition::Blueprint& compiled) {
    for (const auto& warning : launch::list_idle_labels(compiled.plan))
        log_warning(std::format("{}: {}", id_.str(), warning));
    for (const auto& warning : compiled.warnings) log_warning(std::format("{}: {}", id_.str(), warning));
    if (!compiled.spec.linux_config.cgroups_path.empty())
        log_warning(
            std::format("{}: /linux/cgroupsPath: has no effect, the unit decides where the cgroup is", id_.str()));
    take_checks_of(definition_);
    auto plan = compiled.plan;
    if (check_policy_.needs_notify())
        if (const auto added = health::PayloadNotify::add_to(plan, directory_.fd()); !added)
            return refuse(added.error());
    plan_ = std::make_shared<const plan::LaunchPlan>(std::move(plan));
    record_.annotations = compiled.spec.annotations;
    record_.oci_version = compiled.spec.oci_version;
    record_.bundle = definition_.bundle;
    if (record_.placement == model::Placement::scope) record_.unit = definition::scope_name(id_.str());
    record_.pid = -1;
    record_.end_request = {};
    record_.quarantine.clear();
    record_.frozen_by_unit = false;
    record_.ready = false;
    record_.health = {};
    record_.console_start = console_.ring().end();
    // The next daemon takes up no run that the record does not have.
    if (const auto saved = directory_.save(record_); !saved) return refuse(saved.error());
    journal_.set_unit(record_.unit, -1);
    journal_.set_image(image_name());
    make_run();
    if (unit_connection_) {
        count_restarts_of_unit();
        run_->launch_in_unit(std::move(unit_connection_));
    } else {
        run_->launch();
    }
}

/// They are systemd's, and it counts them.
void Supervisor::count_restarts_of_unit() {
    services_.scopes.query_restarts(record_.unit, [this, alive = alive_](std::uint64_t restarts) {
        if (!*alive || record_.placement != model::Placement::unit || !run_) return;
        record_.machine.restarts = restarts;
        save();
    });
}

void Supervisor::make_run() {
    run::Run::Setup setup;
    setup.key = id_.str();
    setup.identity = run_identity();
    setup.placement = record_.placement;
    setup.unit = record_.unit;
    setup.plan = plan_;
    setup.stop_signal = stop_signal();
    setup.stop_timeout = definition_.stop_timeout;
    setup.after = definition::up_targets_before(definition_);
    if (services_.is_awaited && services_.is_awaited(id_)) setup.before = definition::up_target_name(id_.str());
    setup.run_directory = directory_.fd();
    setup.launched = state() != model::State::starting;
    setup.notify = check_policy_.needs_notify();
    // Set up before anybody hears that the container runs: a caller who then asks machined comes behind that.
    if (is_machine()) setup.attachments.push_back(std::make_unique<Machine>(services_.machines, id_.str(), plan_));
    setup.ready_later = check_policy_.readiness.kind != definition::ProbeKind::none;
    run_ = std::make_unique<run::Run>(services_, console_, std::move(setup), run_listener());
}

run::Run::Listener Supervisor::run_listener() {
    return {
        [this](pid_t pid) { on_placed(pid); },
        [this] {
            if (state() == model::State::starting || state() == model::State::stopping)
                (void)apply(model::Trigger::launched);
            if (run_ && state() == model::State::running) begin_checks();
        },
        [this](model::ExitRecord record, std::optional<Error> failure) {
            on_ended(std::move(record), std::move(failure));
        },
        [this](std::string why) { on_stuck(std::move(why)); },
        [this](const health::Notification& said) { on_notification(said); },
        [this](std::uint64_t kills) { journal_.tell(console::notice_of_oom(kills, run_->oom_cgroup())); },
        [this](bool frozen) { on_frozen(frozen); },
    };
}

/// One of the container's processes splices into its output, or out of its input, and keeps that pipe locked meanwhile.
/// The worker that waits for it cannot be killed, so it goes where a restart of ours does not wait for it.
void Supervisor::take_in_worker(pid_t worker) {
    log_warning(std::format("{}: one of its processes keeps its console locked; what it prints is read when it lets go",
                            id_.str()));
    if (!run_ || run_->payload() < 0) return;
    if (const auto placed = launch::place_keeper(run_->payload(), worker); !placed)
        log_warning(std::format("{}: {}", id_.str(), placed.error().message));
}

void Supervisor::on_placed(pid_t pid) {
    record_.pid = pid;
    journal_.set_unit(record_.unit, pid);
    save();
}

bool Supervisor::is_machine() const {
    const auto when = definition_.register_when;
    return when == definition::RegisterWhen::systemd ? plan::is_systemd_payload(plan_->process.args)
                                                     : when == definition::RegisterWhen::always;
}

void Supervisor::send_stop_signal() {
    if (record_.placement == model::Placement::scope) return signal_run();
    // systemd knows how this unit is to be stopped, and its timeout; a shorter one of the caller's still holds.
    if (stop_timeout_) arm_stop_timer(*stop_timeout_);
    services_.scopes.stop(record_.unit, [this, alive = alive_](const Result<>& stopped) {
        if (!*alive || state() != model::State::stopping) return;
        if (!stopped) return signal_run();
        // For systemd it is over. What we do beyond that, such as hooks, is limited as it is in a scope.
        if (!stop_timer_) arm_stop_timer(stop_timeout_.value_or(definition_.stop_timeout));
    });
}

void Supervisor::signal_run() {
    if (run_) (void)run_->send_signal(stop_signal());
    arm_stop_timer(stop_timeout_.value_or(definition_.stop_timeout));
}

void Supervisor::arm_stop_timer(Usec timeout) {
    services_.loop.arm(stop_timer_, timeout, [this](std::uint32_t) {
        stop_timer_.reset();
        (void)apply(model::Trigger::stop_timeout);
    });
}

int Supervisor::stop_signal() const {
    return definition::stop_signal_of(definition_, record_.annotations,
                                      plan_ ? plan_->process.args : std::vector<std::string>());
}

void Supervisor::arm_restart() {
    const auto now = std::chrono::steady_clock::now();
    const auto delay = std::max(std::chrono::duration_cast<Usec>(record_.machine.next_start - now), Usec(0));
    services_.loop.arm(restart_timer_, delay, [this](std::uint32_t) {
        restart_timer_.reset();
        (void)apply(model::Trigger::timer);
    });
}

}  // namespace xctl::container
