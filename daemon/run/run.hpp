// SPDX-License-Identifier: LGPL-2.1-or-later
// One run of a container, from clone to the last byte: launches it, watches it, says how it ended.
//
//   order ──▶ launcher clones init ──▶ scope requested ─┐        (unit: born in its cgroup)
//   init sets itself up ──▶ await_placement ────────────┴─▶ payload cgroup, placed
//   init ──▶ await_hooks ──▶ createRuntime hooks run, hooks_done     (only if there are any)
//   init ──▶ ready ──▶ descriptors parked ──▶ go ──▶ exec ──▶ poststart hooks ──▶ launched
//   init dies ──▶ status known ──▶ cgroup empty ──▶ console drained ──▶ poststop hooks ──▶ ended
//   killed: hooks that run are killed, too, and poststop hooks get two seconds
//
// Before its descriptors are parked, a run dies with the daemon: the init sees its channel close. From then on it
// survives the daemon at every moment; a new daemon adopts it and goes on where the old one was.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/console/console.hpp"
#include "daemon/definition/blueprint.hpp"
#include "daemon/health/payload_notify.hpp"
#include "daemon/model/container.hpp"
#include "daemon/model/record.hpp"
#include "daemon/run/errand_executor.hpp"
#include "daemon/run/freeze_watch.hpp"
#include "daemon/run/launcher.hpp"
#include "daemon/run/memory_watch.hpp"
#include "daemon/run/mount_ids.hpp"
#include "daemon/run/notify_socket.hpp"
#include "daemon/run/parking.hpp"
#include "daemon/run/payload_cgroup.hpp"
#include "daemon/systemd/machines.hpp"
#include "daemon/systemd/scopes.hpp"
#include "lib/attachment/attachments.hpp"
#include "lib/kernel/process.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/parent/device_programs.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::run {

/// What every run needs; owned by main.
struct Services {
    kernel::EventLoop& loop;
    Launcher& launcher;
    console::PipeWorkers& pipe_workers;
    systemd::Scopes& scopes;
    systemd::Machines& machines;
    Parking& parking;
    definition::Blueprints& blueprints;
    launch::DevicePrograms& device_programs;
    bool exit_info;  // PIDFD_GET_INFO tells exit statuses (Linux 6.15): no keeper is needed
    std::function<bool(const ContainerId& id)> is_awaited{};  // whether other containers come after this one
};

class Run {
public:
    /// Tells runs apart: those of one life of a container by their number, and all others by the life. An entry in
    /// the parking lot counts only if its identity is the record's.
    struct Identity {
        std::string life;
        std::uint64_t number = 0;
        bool operator==(const Identity&) const = default;
    };

    struct Setup {
        std::string key;  // in the parking lot: the name of a container, or NAME/ID of a program in it
        Identity identity;
        model::Placement placement = model::Placement::scope;
        std::string unit;
        std::shared_ptr<const plan::LaunchPlan> plan;
        int stop_signal = 15;
        std::chrono::microseconds stop_timeout{};
        std::vector<std::string> after;  // points in the order of units, see xctl-up@.target
        std::string before;              // its own, if another container comes after it
        int run_directory = -1;  // the Supervisor's
        bool launched = false;     // its program ran under an earlier daemon already
        /// Of one more process in a running container (exec): puts it into that one's cgroup, and its keeper, if there
        /// is one, beside it. It then has none of its own, and ends alone.
        std::function<Result<>(pid_t pid, pid_t keeper)> enter;
        bool notify = false;       // its plan shows it a socket for sd_notify(3)
        attachment::Attachments::List attachments{};  // what the container has beside those that every run has
        bool ready_later = false;  // in a unit: the supervisor tells systemd when it is ready
    };

    struct Listener {
        std::function<void(pid_t)> placed;                           // pid and unit are known
        std::function<void()> launched;                              // the program runs
        /// Once, the last call; may destroy the Run. `failure` is set when the program never ran.
        std::function<void(model::ExitRecord record, std::optional<Error> failure)> ended;
        /// It was killed, and the kernel does not let go of it; `ended` follows when it does.
        std::function<void(std::string why)> stuck;
        std::function<void(const health::Notification&)> notified{};
        /// The kernel killed so many of its processes for want of memory.
        std::function<void(std::uint64_t kills)> out_of_memory{};
        /// All its processes are frozen, or no more, whoever did that.
        std::function<void(bool)> frozen{};
    };

    Run(Services& services, console::Console& console, Setup setup, Listener listener);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// Placement::scope: through the warm launcher.
    void launch();
    /// Placement::unit: through the launcher that systemd started; `connection` has said hello.
    void launch_in_unit(UniqueFd connection);
    /// The run that was parked. A number of 0 stands for a text that park() did not write.
    [[nodiscard]] static Identity identity_of(const Parking::Entry& entry);
    /// A run that an earlier daemon parked.
    Result<> adopt(Parking::Entry entry);

    Result<> send_signal(int signal);
    /// Limits of the cgroup and its rules for devices, while it runs.
    Result<> change_limits(const plan::Cgroup& limits);
    /// Processes that do not end then are reported as stuck. Hooks are waited for no longer.
    void kill();
    /// The console holds fewer descriptors than before; parked copies must not keep the others open.
    void repark();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
    /// The cgroup with all its processes; -1 while there is none.
    [[nodiscard]] int payload() const noexcept { return cgroup_->fd(); }
    /// Where the kernel killed for want of memory; empty if it did not.
    [[nodiscard]] const std::string& oom_cgroup() const noexcept { return memory_->place(); }
    [[nodiscard]] const plan::LaunchPlan& plan() const noexcept { return *setup_.plan; }
    /// It goes on when they have ended, whatever they wait for themselves.
    [[nodiscard]] bool waits_for_hooks() const noexcept { return attachments_.is_waiting(); }
    /// systemd has been told of its unit's main process, whose program begins as soon as that has been answered.
    [[nodiscard]] bool is_announced() const noexcept {
        return setup_.placement == model::Placement::unit && step_ == Step::parked && !launched_ && !waits_for_hooks();
    }
    [[nodiscard]] bool is_frozen() const noexcept { return freezer_->is_frozen(); }
    /// Its program runs, as far as is known.
    [[nodiscard]] bool has_program() const noexcept { return launched_ && step_ < Step::ending; }

private:
    enum class Step : std::uint8_t { launching, setting_up, parked, running, ending, ended };

    void add_attachments();
    [[nodiscard]] attachment::Scene scene() const;
    void set_up(attachment::Step step, std::function<void()> then);
    Result<launch::Descriptors> make_descriptors();
    void order_launch();
    void order_in_unit();
    void on_launched(Result<launch::Launched> launched);
    void arm_launch_timer();
    Result<> watch_launched(launch::Launched launched);
    Result<> watch_exit(bool ours);
    void request_scope();
    void on_scope(Result<> result);
    void on_channel();
    void on_message(launch::Received received);
    void note_mount(const launch::Received& received);
    void on_channel_closed();
    void on_launch_succeeded();
    void run_create_hooks();
    void give_up_hooks();
    void limit_poststop_hooks();
    void end_soon();
    void place();
    void on_ready();
    Result<> park();
    void go();
    void fail_launch(Error error);

    void on_unit_readable();
    void on_unit_message(launch::ReceivedService received);
    void tell_unit(launch::ServiceKind kind, const Error* error);

    void on_exit_event(bool reaped);
    void on_keeper_exit();
    void on_status(kernel::ExitStatus status);
    void on_unknown_status();
    void wait_until_empty();
    void end();
    void await_death();
    void kill_session() const;
    [[nodiscard]] bool awaits_hooks();
    [[nodiscard]] bool take_down();
    [[nodiscard]] model::ExitRecord make_record() const;

    Services& services_;
    console::Console& console_;
    Setup setup_;
    Listener listener_;
    Step step_ = Step::launching;
    bool in_scope_ = false;         // systemd has put the init into the scope
    bool wants_placement_ = false;  // the init waits for it
    bool released_ = false;         // `go` was sent
    bool launched_ = false;         // the init executed the program
    bool end_awaits_hooks_ = false; // the program has ended before the hooks that its start waits for
    bool taken_down_ = false;       // or begun
    bool killed_ = false;           // perhaps before its process was known
    std::optional<Error> failure_;
    std::optional<kernel::ExitStatus> status_;
    launch::MountIds mount_ids_;

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd keeper_pidfd_;
    UniqueFd channel_;
    UniqueFd unit_connection_;
    UniqueFd cgroup_events_;
    kernel::EventSource channel_source_;
    kernel::EventSource exit_source_;
    kernel::EventSource unit_source_;
    kernel::EventSource empty_source_;
    kernel::EventSource empty_timer_;
    kernel::EventSource launch_timer_;
    kernel::EventSource death_timer_;
    ErrandExecutor executor_;
    attachment::Attachments attachments_;
    PayloadCgroup* cgroup_ = nullptr;  // of attachments_, like the others
    MemoryWatch* memory_ = nullptr;
    FreezeWatch* freezer_ = nullptr;
    NotifySocket* notify_ = nullptr;
    std::shared_ptr<bool> alive_;  // callbacks of other objects check it, since they may come after we are gone
};

}  // namespace xctl::run
