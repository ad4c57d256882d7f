// SPDX-License-Identifier: LGPL-2.1-or-later
// How a container's supervisor goes on from where the last daemon was; recovery.hpp says what decides.
#include <utility>

#include "daemon/container/supervisor.hpp"
#include "daemon/model/recovery.hpp"

namespace xctl::container {

run::Run::Identity Supervisor::run_identity() const { return {record_.life, record_.machine.runs}; }

void Supervisor::recover(std::optional<run::Parking::Entry> parked, std::vector<run::Parking::Entry> parked_execs) {
    outlived_daemon_ = record_.machine.runs > 0;
    if (parked && (!model::has_run(state()) || run::Run::identity_of(*parked) != run_identity())) {
        services_.parking.drop(id_.str());
        parked.reset();
    }
    take_up_run(std::move(parked));
    // An exec goes on only in a run that does.
    if (!run_)
        for (const auto& exec : std::exchange(parked_execs, {})) services_.parking.drop(exec.key);
    execs_.recover(std::move(parked_execs));
}

void Supervisor::take_up_run(std::optional<run::Parking::Entry> parked) {
    const auto step = model::recovery_step(state(), record_.placement, parked.has_value());
    if (step != model::RecoveryStep::adopt && !model::has_run(state())) end_open_run();
    switch (step) {
        case model::RecoveryStep::nothing: return;
        case model::RecoveryStep::adopt: return adopt_run(std::move(*parked));
        case model::RecoveryStep::launch_again: return launch();
        case model::RecoveryStep::end_lost_run: return end_lost_run();
        case model::RecoveryStep::await_restart:
            // The definition may have been changed while there was no daemon.
            if (!model::wants_restart(effective_policy(), record_.machine.last_exit))
                return (void)apply(model::Trigger::stop);
            return arm_restart();
    }
}

void Supervisor::adopt_run(run::Parking::Entry parked) {
    const auto running = directory_.load_running();
    if (const auto definition = definition::parse_definition({{"running.json", running}})) take_checks_of(*definition);
    if (const auto compiled = definition::compile_whole(id_, running))
        plan_ = std::make_shared<const plan::LaunchPlan>(compiled->plan);
    if (!plan_) plan_ = std::make_shared<const plan::LaunchPlan>();
    make_run();
    if (const auto adopted = run_->adopt(std::move(parked)); !adopted) {
        console_.close_run();
        services_.machines.remove(id_.str());
        return on_ended({model::ExitReason::unknown, 0, std::chrono::system_clock::now(), adopted.error().message},
                        std::nullopt);
    }
    go_on_with_run();
}

/// The last daemon may have been killed between writing down what is to be and doing it.
void Supervisor::go_on_with_run() {
    if (!run_) return;
    if (state() == model::State::paused && record_.frozen_by_unit) return run_->is_frozen() ? void() : on_frozen(false);
    if (state() == model::State::paused) return freeze();
    (void)freezer_.thaw(run_->payload());
    if (state() == model::State::stopping) send_stop_signal();
    if (state() == model::State::quarantined) run_->kill();
}

/// Nobody can have its console again, so whatever of it still runs must not go on unseen. systemd stops it as the unit
/// says, with the container's stop signal and timeout.
void Supervisor::end_lost_run() {
    is_lost_ = true;
    const auto ended = [this, alive = alive_](const Result<>&) {
        if (!*alive || !std::exchange(is_lost_, false)) return;
        on_ended({model::ExitReason::unknown, 0, std::chrono::system_clock::now(),
                  "xctld lost its descriptors while it ran, so its unit was stopped"},
                 std::nullopt);
    };
    if (record_.placement == model::Placement::scope)
        services_.scopes.discard(record_.unit, ended);
    else
        services_.scopes.stop(record_.unit, ended);
}

}  // namespace xctl::container
