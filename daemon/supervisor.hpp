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

#include "api/types.hpp"
#include "daemon/console.hpp"
#include "daemon/container.hpp"
#include "daemon/definition.hpp"
#include "daemon/journal.hpp"
#include "daemon/record.hpp"
#include "daemon/run.hpp"
#include "daemon/saved_console.hpp"
#include "lib/base/container_id.hpp"
#include "lib/plan/compile.hpp"

namespace xctl {

/// What one run is made by: the plan, and the document that it was compiled from, see whole_document().
struct Blueprint : plan::Compiled {
    std::string document;
};

class Supervisor {
public:
    using Done = std::function<void(Result<>)>;
    /// `event` is the new state's name; told after every change.
    using Listener = std::function<void(Supervisor&, std::string_view event)>;

    static Result<std::unique_ptr<Supervisor>> open(Services& services, const Journal& journal, const std::string& run_base,
                                                    ContainerId id, Definition definition, Listener listener);
    ~Supervisor();

    /// Takes up what the last daemon left: a run that goes on, or the record of how it ended.
    void recover(std::optional<Parking::Entry> parked);

    /// `done` when the program runs, or when it could not be started.
    void start(std::vector<std::string> args, Done done);
    /// `done` when it is stopped and its cgroup is empty.
    void stop(std::optional<std::chrono::microseconds> timeout, Done done);
    void restart(std::optional<std::chrono::microseconds> timeout, Done done);
    /// `done` when it is stopped for good; at once if it is.
    void wait(Done done);
    Result<> kill(int signal);
    Result<> attach(UniqueFd socket, ConsoleClient::Options options, bool steal) {
        return console_.attach(std::move(socket), std::move(options), steal);
    }
    [[nodiscard]] const ConsoleClients& clients() const noexcept { return console_.clients(); }

    /// systemd starts oci@NAME: this run lives in that unit. `connection` is xctl-launch's.
    Result<> start_in_unit(UniqueFd connection, std::string unit);

    /// Ends with the container: it was deleted. Clients may still have to read what it printed.
    void finish();
    [[nodiscard]] bool is_attached() const noexcept { return clients().count() > 0; }
    /// With a definition that was changed on disk. What is about the console counts at once, the rest from the next start on.
    void set_definition(Definition definition);
    /// Writes the console to where it outlives the boot, if the definition asks for that.
    void save_console();

    [[nodiscard]] const ContainerId& id() const noexcept { return id_; }
    [[nodiscard]] const Definition& definition() const noexcept { return definition_; }
    [[nodiscard]] const Record& record() const noexcept { return record_; }
    [[nodiscard]] State state() const noexcept { return record_.machine.state; }
    /// It runs, or the policy will start it again.
    [[nodiscard]] bool is_active() const noexcept { return state() != State::created && state() != State::stopped; }
    /// It ran under an earlier daemon, whose clients may come back for it.
    [[nodiscard]] bool outlived_daemon() const noexcept { return outlived_daemon_; }
    [[nodiscard]] const std::string& unit() const noexcept { return record_.unit; }
    [[nodiscard]] const Ring& ring() const noexcept { return console_.ring(); }
    [[nodiscard]] api::ContainerInfo info() const;
    [[nodiscard]] std::string oci_state() const;

    /// What the bundle and the definition amount to.
    Result<Blueprint> compile(const std::vector<std::string>& args) const;
    static Result<Blueprint> compile(const ContainerId& id, const Definition& definition,
                                     const std::vector<std::string>& args);
    /// Where a start now would make something else than what runs; nothing when nothing runs.
    Result<std::vector<api::Setting>> diff() const;
    /// Changes what runs, as far as that is possible, where `definition` says something else at these keys.
    Result<> change_run(const Definition& definition, const std::vector<std::string>& keys);

private:
    Supervisor(Services& services, const Journal& journal, ContainerId id, Definition definition, RunDirectory directory,
               Ring ring, Listener listener);

    Result<> apply(Trigger trigger, const ExitRecord& exit = {});
    void apply_definition();
    void carry_out(Action action);
    void launch();
    void give_up_launch();
    void refuse(const Error& error);
    void begin_run(const Blueprint& compiled);
    Result<plan::Compiled> compile_document(std::string_view document) const;
    /// What the current run was compiled to, whatever the files say now.
    Result<plan::Compiled> compile_running() const;
    void make_run();
    void end_open_run();
    [[nodiscard]] Run::Listener run_listener();
    void on_placed(pid_t pid);
    void on_ended(ExitRecord record, std::optional<Error> failure);
    void send_stop_signal();
    void signal_run();
    void arm_stop_timer(std::chrono::microseconds timeout);
    void end_lost_run();
    void arm_restart();
    void settle();
    void save();
    [[nodiscard]] RestartPolicy effective_policy() const;
    [[nodiscard]] int stop_signal() const;
    [[nodiscard]] std::string image_name() const;

    struct Waiter {
        enum class For : std::uint8_t { running, stopped } what;
        Done done;
    };

    Services& services_;
    ContainerId id_;
    Definition definition_;
    RunDirectory directory_;
    SavedConsole saved_console_;
    Console console_;
    JournalRelay journal_;
    Record record_;
    Listener listener_;
    std::shared_ptr<const plan::LaunchPlan> plan_;
    std::unique_ptr<Run> run_;
    std::unique_ptr<Run> finished_run_;  // kept until its last callback has returned
    UniqueFd unit_connection_;           // of a start in a unit, until its run takes it over
    std::optional<std::chrono::microseconds> stop_timeout_;
    std::optional<Error> launch_failure_;
    std::list<Waiter> waiters_;
    bool outlived_daemon_ = false;
    kernel::EventSource stop_timer_;
    kernel::EventSource restart_timer_;
    kernel::EventSource launch_defer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for callbacks of others that may come too late
};

}  // namespace xctl
