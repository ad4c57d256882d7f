// SPDX-License-Identifier: LGPL-2.1-or-later
// What a container's supervisor does when a run has ended, or cannot.
#include <format>
#include <utility>

#include "daemon/container/supervisor.hpp"
#include "daemon/definition/unit_names.hpp"
#include "daemon/ring/console_tail.hpp"
#include "lib/base/log.hpp"

namespace xctl::container {

/// The record is saved before the parked descriptors are dropped: whenever the daemon dies in between, the next daemon
/// finds either the run or how it ended. While the record cannot be saved, the entry stays.
void Supervisor::on_ended(model::ExitRecord record, std::optional<Error> failure) {
    stop_timer_.reset();
    checks_.reset();
    idle_.reset();
    freezer_.cancel();
    keep_history(record, failure);
    finished_run_ = std::move(run_);
    unit_connection_.reset();
    record_.pid = -1;
    record_.quarantine.clear();
    journal_.finish();
    journal_.set_unit(record_.unit, -1);
    launch_failure_ = std::move(failure);
    (void)apply(launch_failure_ ? model::Trigger::launch_failed : model::Trigger::exited, record);
    end_open_run();
    if (is_saved_) services_.parking.drop(id_.str());
    if (record_.placement == model::Placement::unit) return;
    services_.scopes.reset_failed(definition::scope_name(id_.str()));
    if (launch_failure_ && state() != model::State::starting)
        services_.scopes.discard(definition::scope_name(id_.str()), [](const Result<>&) {});
}

/// Marks the end of a run whose beginning the console shows.
void Supervisor::end_open_run() {
    if (!console_.ring().run_is_open()) return;
    console_.mark_run_end(record_.machine.last_exit, model::is_at_rest(state()));
    save_console();
}

/// While the machine still says what this run was; it is saved with the machine's next state, before anybody is told.
void Supervisor::keep_history(const model::ExitRecord& exit, const std::optional<Error>& failure) {
    auto run = model::make_run_record(record_.machine, record_.started, exit, record_.end_request, failure,
                                      run_ ? run_->oom_cgroup() : "");
    if (run.exit.failed()) run.console = ring::console_tail(console_.ring());
    if (run.failed()) journal_.tell(console::notice_of_end(run));
    model::remember(record_.history, std::move(run), definition_.history);
}

/// Known only when the policy has decided, which is before anything of it is saved.
void Supervisor::note_giving_up() {
    if (!record_.history.empty()) record_.history.back().exit.message = record_.machine.last_exit.message;
}

void Supervisor::on_stuck(std::string why) {
    stop_timer_.reset();
    record_.quarantine = std::move(why);
    log_error(std::format("{}: {}", id_.str(), record_.quarantine));
    (void)apply(model::Trigger::stuck);
}

/// It is written down before the kill: whatever happens in between, this is why the run ended so.
void Supervisor::note_timeout() {
    record_.end_request.timed_out = true;
    save();
}

}  // namespace xctl::container
