// SPDX-License-Identifier: LGPL-2.1-or-later
// One container: its definition, its state machine and the effects of it.
//
// Every change goes the same way: advance() decides, the record is saved, the actions are carried out, and who
// waits for the new state is told.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "api/requests.hpp"
#include "api/types.hpp"
#include "daemon/console/console.hpp"
#include "daemon/console/journal.hpp"
#include "daemon/container/exec.hpp"
#include "daemon/container/freezer.hpp"
#include "daemon/container/root_changes.hpp"
#include "daemon/definition/blueprint.hpp"
#include "daemon/definition/definition.hpp"
#include "daemon/health/checks.hpp"
#include "daemon/health/idle.hpp"
#include "daemon/model/container.hpp"
#include "daemon/model/record.hpp"
#include "daemon/ring/saved_console.hpp"
#include "daemon/run/readings.hpp"
#include "daemon/run/run.hpp"
#include "daemon/run/run_directory.hpp"
#include "lib/base/container_id.hpp"
#include "lib/oci/state.hpp"

namespace xctl::container {

class Supervisor {
public:
    using Done = std::function<void(Result<>)>;
    /// `event` is the new state's name; told after every change.
    using Listener = std::function<void(Supervisor&, std::string_view event)>;

    static Result<std::unique_ptr<Supervisor>> open(run::Services& services, const console::Journal& journal,
                                                    const std::string& run_base, ContainerId id,
                                                    definition::Definition definition, Listener listener);
    ~Supervisor();

    /// Takes up what the last daemon left: a run that goes on, or the record of how it ended.
    void recover(std::optional<run::Parking::Entry> parked, std::vector<run::Parking::Entry> parked_execs);

    /// `done` when the program runs, or when it could not be started.
    void start(std::vector<std::string> args, Done done);
    /// `done` when it is ready, if it runs or is about to; else when it turns out that it will not be.
    void when_ready(Done done);
    /// `done` when its program runs, at once unless it is about to. Hooks are not waited for: they may be who asks.
    void when_launched(Done done);
    [[nodiscard]] bool is_about_to_run() const noexcept {
        return state() == model::State::starting && run_ && run_->is_announced();
    }
    [[nodiscard]] bool is_ready() const noexcept { return state() == model::State::running && record_.ready; }
    /// `done` when it is stopped and its cgroup is empty; Errc::timeout when the kernel does not let go of it.
    void stop(std::optional<std::chrono::microseconds> timeout, model::EndRequest request, Done done);
    void restart(std::optional<std::chrono::microseconds> timeout, model::EndRequest request, Done done);
    /// `done` when it is stopped for good; at once if it is. Never once the caller has left.
    void wait(Done done, Presence caller = {});
    void forget_departed();
    Result<> attach(UniqueFd socket, console::ConsoleClient::Options options, bool steal) {
        return console_.attach(std::move(socket), std::move(options), steal);
    }
    [[nodiscard]] const console::ConsoleClients& clients() const noexcept { return console_.clients(); }
    /// To its init, or to all its processes.
    Result<> kill(int signal, bool all, model::EndRequest request);
    /// `done` when all its processes are frozen, or when they cannot be.
    void pause(Done done);
    Result<> resume();
    /// Forgets earlier restarts.
    Result<> reset();
    /// One more process in it; `started` when its program runs, or could not be started.
    Result<Execs::Opened> exec(const api::ExecRequest& request, const api::Peer& peer, Execs::Started started,
                               std::function<void(const model::ExitRecord&)> ended = {});
    [[nodiscard]] Execs& execs() noexcept { return execs_; }
    Result<run::Excerpt<api::Process>> list_processes() const;
    Result<api::Stats> read_stats() const;
    [[nodiscard]] run::Excerpt<api::Interface> read_network() const;
    /// The last run that failed, or else the last one; empty without any.
    [[nodiscard]] api::RunInfo last_failure() const;
    [[nodiscard]] std::vector<api::RunInfo> history() const;

    /// systemd starts oci@NAME: this run lives in that unit. `connection` is xctl-launch's.
    Result<> start_in_unit(UniqueFd connection, std::string unit);

    /// Ends with the container: it was deleted. Clients may still have to read what it printed.
    void finish();
    /// What it printed is not everywhere yet where it is to be.
    [[nodiscard]] bool is_read() const noexcept { return clients().count() > 0 || journal_.is_behind(); }
    /// With a definition that was changed on disk. What is about the console counts at once, the rest from the next
    /// start on.
    void set_definition(definition::Definition definition);
    /// Writes the console to where it outlives the boot, if the definition asks for that.
    void save_console();

    [[nodiscard]] const ContainerId& id() const noexcept { return id_; }
    [[nodiscard]] const definition::Definition& definition() const noexcept { return definition_; }
    [[nodiscard]] const model::Record& record() const noexcept { return record_; }
    [[nodiscard]] model::State state() const noexcept { return record_.machine.state; }
    /// It runs, or the policy will start it again.
    [[nodiscard]] bool is_active() const noexcept {
        return state() != model::State::created && !model::is_at_rest(state());
    }
    /// Its init is dead, and nothing of ours starts it again; that it has stopped is only a matter of our hearing of it.
    [[nodiscard]] bool is_about_to_stop() const;
    /// It ran under an earlier daemon, whose clients may come back for it.
    /// Its run cannot be supervised any more, and systemd stops what is left of that for us.
    [[nodiscard]] bool is_lost() const noexcept { return is_lost_; }
    [[nodiscard]] bool outlived_daemon() const noexcept { return outlived_daemon_; }
    [[nodiscard]] const std::string& unit() const noexcept { return record_.unit; }
    [[nodiscard]] const ring::Ring& ring() const noexcept { return console_.ring(); }
    [[nodiscard]] api::ContainerInfo info() const;
    [[nodiscard]] std::string oci_state() const;

    /// Where a start now would make something else than what runs; nothing when nothing runs.
    Result<std::vector<api::Setting>> diff() const;
    /// Changes what runs, as far as that is possible, where `definition` says something else at these keys. Not while
    /// it is being changed already.
    void change_run(const definition::Definition& definition, const std::vector<std::string>& keys, Done done);
    [[nodiscard]] bool is_changing() const noexcept { return root_changes_.is_running(); }

private:
    Supervisor(run::Services& services, const console::Journal& journal, ContainerId id,
               definition::Definition definition, run::RunDirectory directory, ring::Ring ring,
               std::string exec_directory, Listener listener);

    Result<> apply(model::Trigger trigger, const model::ExitRecord& exit = {});
    void apply_definition();
    void remove_saved_console() const;
    void carry_out(model::Trigger trigger, model::Action action);
    // supervisor_recovery.cpp
    [[nodiscard]] run::Run::Identity run_identity() const;
    void take_up_run(std::optional<run::Parking::Entry> parked);
    void adopt_run(run::Parking::Entry parked);
    void go_on_with_run();
    void end_lost_run();
    void freeze();
    void tell_pausers(Result<> result);
    void thaw();
    void on_frozen(bool frozen);
    void count_restarts_of_unit();
    void note_request(model::EndRequest request);
    void note_timeout();
    void note_giving_up();
    void keep_history(const model::ExitRecord& exit, const std::optional<Error>& failure);
    void on_stuck(std::string why);
    Result<int> open_payload() const;
    Result<plan::LaunchPlan> compile_exec(const api::ExecRequest& request) const;
    Result<> enter(pid_t pid, pid_t keeper) const;
    [[nodiscard]] oci::State state_now() const;
    // supervisor_changes.cpp
    struct RunChange;
    Result<RunChange> plan_change(const definition::Definition& definition,
                                  const std::vector<std::string>& whole) const;
    Result<> change_limits(const std::optional<plan::Cgroup>& limits);
    Result<> finish_change(const RunChange& change, Result<launch::MountIds> changed);
    // supervisor_checks.cpp
    void take_checks_of(const definition::Definition& definition);
    void begin_checks();
    void watch_idle_time();
    void on_idle();
    std::shared_ptr<void> execute_probe(const definition::Probe& probe, health::ProbeAttempt::Done done);
    void on_notification(const health::Notification& said);
    [[nodiscard]] bool feeds_watchdog_itself() const;
    void tell_unit(std::string_view text) const;
    void tell_ready() const;
    void on_ready();
    void on_not_ready(const std::string& why);
    void on_health(const model::Health& health, bool changed, const std::string& why);
    void act_on_ill_health(const std::string& why);
    void launch();
    void give_up_launch();
    void refuse(const Error& error);
    void begin_run(const definition::Blueprint& compiled);
    void make_run();
    void end_open_run();
    [[nodiscard]] run::Run::Listener run_listener();
    void on_placed(pid_t pid);
    void take_in_worker(pid_t worker);
    [[nodiscard]] bool is_machine() const;
    void on_ended(model::ExitRecord record, std::optional<Error> failure);
    void send_stop_signal();
    void signal_run();
    void arm_stop_timer(std::chrono::microseconds timeout);
    void arm_restart();
    void settle();
    void save();
    Result<> restore_directory();
    [[nodiscard]] model::RestartPolicy effective_policy() const;
    [[nodiscard]] int stop_signal() const;
    [[nodiscard]] std::string image_name() const;

    struct Waiter {
        enum class For : std::uint8_t { running, ready, stopped, ended } what;  // ended: however long it takes
        Done done;
        Presence caller = {};
    };

    run::Services& services_;
    ContainerId id_;
    definition::Definition definition_;
    run::RunDirectory directory_;
    ring::SavedConsole saved_console_;
    console::Console console_;
    console::JournalRelay journal_;
    model::Record record_;
    Listener listener_;
    std::shared_ptr<const plan::LaunchPlan> plan_;
    std::unique_ptr<run::Run> run_;
    std::unique_ptr<run::Run> finished_run_;  // kept until its last callback has returned
    UniqueFd unit_connection_;           // of a start in a unit, until its run takes it over
    std::optional<std::chrono::microseconds> stop_timeout_;
    std::optional<Error> launch_failure_;
    std::list<Waiter> waiters_;
    std::vector<Done> pausers_;
    definition::CheckPolicy check_policy_;  // of the run
    Freezer freezer_;
    RootChanges root_changes_;
    std::unique_ptr<health::IdleWatch> idle_;
    Execs execs_;
    std::unique_ptr<health::Checks> checks_;  // while its program runs
    bool outlived_daemon_ = false;
    bool is_lost_ = false;  // its run is, and systemd stops what is left of that
    bool is_saved_ = true;  // the record is as it was last changed
    kernel::EventSource stop_timer_;
    kernel::EventSource restart_timer_;
    kernel::EventSource launch_defer_;
    kernel::EventSource ill_health_defer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for callbacks of others that may come too late
};

}  // namespace xctl::container
