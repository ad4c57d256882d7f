// SPDX-License-Identifier: LGPL-2.1-or-later
// How a run ends. Three ways lead to the exit status, tried in this order:
//   our own child                        waitid(2)
//   a keeper stayed as its parent        the file `exit` that it wrote before it left (below Linux 6.15)
//   somebody else reaped it              PIDFD_GET_INFO (Linux 6.15), or what systemd saw of its unit's main process
#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <csignal>
#include <format>
#include <utility>

#include "daemon/run/readings.hpp"
#include "daemon/run/run.hpp"
#include "lib/base/log.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/pidfd.hpp"
#include "lib/kernel/process_info.hpp"
#include "lib/launch/exit_record.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"
#include "lib/oci/names.hpp"

namespace xctl::run {
namespace {

/// How long a killed process may take to give back what it has before something must be wrong with what it uses.
constexpr std::chrono::seconds kDeathTimeout{10};

/// How long hooks may run behind a container that was killed.
constexpr std::chrono::seconds kHookGrace{2};

/// How often is looked for processes that were made while others were killed.
constexpr int kSessionPasses = 3;

}  // namespace

/// POLLIN on a pidfd means dead, POLLHUP reaped. Only a parent may act on the first; the status of someone
/// else's child is there only with the second, which epoll reports unasked.
Result<> Run::watch_exit(bool ours) {
    if (keeper_pidfd_) {
        exit_source_ =
            TRY(services_.loop.add_io(keeper_pidfd_.get(), EPOLLIN, [this](std::uint32_t) { on_keeper_exit(); }));
        return {};
    }
    const std::uint32_t events = ours ? std::uint32_t{EPOLLIN} : 0;
    exit_source_ = TRY(services_.loop.add_io(
        pidfd_.get(), events, [this](std::uint32_t now) { on_exit_event((now & EPOLLHUP) != 0); }));
    return {};
}

void Run::on_exit_event(bool reaped) {
    exit_source_.reset();
    if (const auto ours = kernel::try_wait_exit(pidfd_.get()); ours && *ours) return on_status(**ours);
    if (services_.exit_info) {
        if (const auto info = kernel::read_exit_info(pidfd_.get()); info && *info) return on_status(**info);
        // Somebody else's zombie, as after joining a user namespace: its status is there once it was reaped.
        if (!reaped && watch_exit(false)) return;
    }
    if (setup_.placement == model::Placement::scope) return on_unknown_status();
    services_.scopes.query_exit(setup_.unit, [this, alive = alive_](systemd::UnitExit exit) {
        if (!*alive) return;
        if (exit.oom) memory_->note_kill();
        if (exit.known) return on_status({exit.signaled, exit.status, false});
        on_unknown_status();
    });
}

void Run::on_keeper_exit() {
    exit_source_.reset();
    const auto keeper = kernel::try_wait_exit(keeper_pidfd_.get());
    const auto text = kernel::read_document_at(setup_.run_directory, launch::kExitRecordFile);
    if (const auto status = launch::parse_exit_record(text.value_or(std::string()))) return on_status(*status);
    if (keeper && *keeper && !(*keeper)->signaled) return on_unknown_status();  // it could not write
    // Otherwise a keeper dies without a word only when its whole scope was killed.
    on_status({true, SIGKILL, false});
}

void Run::on_status(kernel::ExitStatus status) {
    status_ = status;
    wait_until_empty();
}

void Run::on_unknown_status() { wait_until_empty(); }

void Run::wait_until_empty() {
    step_ = Step::ending;
    freezer_->stop();
    memory_->read_now();
    const auto events = payload() >= 0 ? kernel::read_cgroup_events(payload()) : Result<kernel::CgroupEvents>{};
    if (!events || !events->populated) return end();
    // Processes that outlived the init: there is no pid namespace, or one was entered from outside.
    (void)kernel::kill_cgroup(payload());
    auto file = kernel::open_cgroup_events(payload());
    if (!file) return end();
    cgroup_events_ = std::move(*file);
    auto source = services_.loop.add_io(cgroup_events_.get(), EPOLLPRI, [this](std::uint32_t) {
        const auto now = kernel::read_cgroup_events(payload());
        if (!now || !now->populated) end();
    });
    if (!source) return end();
    empty_source_ = std::move(*source);
    await_death();
}

/// Of one more process in a container, which has no cgroup of its own. Its children are in the session that it leads, and
/// in its cgroup unless they moved. The number of a session is given to no new process while the session has any.
void Run::kill_session() const {
    if (!pidfd_ || step_ >= Step::ending) return;
    const auto path = kernel::read_cgroup_path(pid_);
    // Not reaped yet, so that this was its own number.
    if (!kernel::send_signal(pidfd_.get(), 0)) return;
    const auto cgroup = path ? kernel::open_cgroup(*path) : std::unexpected(path.error());
    if (!cgroup) return;
    for (int pass = 0; pass < kSessionPasses; ++pass) {
        for (const auto pid : kernel::read_processes(cgroup->get()).value_or(std::vector<pid_t>())) {
            const auto process = kernel::open_pidfd(pid);
            // Looked up when the number is held.
            if (!process || kernel::read_session(pid).value_or(-1) != pid_) continue;
            (void)kernel::send_signal(process->get(), SIGKILL);
        }
    }
}

void Run::await_death() {
    if (death_timer_ || setup_.enter) return;
    services_.loop.arm(death_timer_, kDeathTimeout, [this](std::uint32_t) {
        if (payload() >= 0)
            listener_.stuck(describe_stuck(payload()));
        else if (pidfd_)
            listener_.stuck(std::format("its first process, {}, was killed and cannot end", pid_));
    });
}

model::ExitRecord Run::make_record() const {
    model::ExitRecord record;
    record.time = std::chrono::system_clock::now();
    if (!status_) {
        record.reason = model::ExitReason::unknown;
        record.message = "nobody learnt its exit status";
        return record;
    }
    record.reason = status_->signaled ? model::ExitReason::signal : model::ExitReason::exited;
    record.status = status_->value;
    if (memory_->kills() > 0 && status_->signaled && status_->value == SIGKILL) {
        record.reason = model::ExitReason::oom_kill;
        record.message = "the kernel killed it because its memory was used up";
    } else if (memory_->kills() > 0) {
        record.message =
            std::format("the kernel killed {} of its processes because its memory was used up", memory_->kills());
    } else if (status_->signaled) {
        record.message =
            "killed by " + oci::signal_name(status_->value) + (status_->core_dumped ? ", core dumped" : "");
    }
    return record;
}

/// A program may end while the hooks of its start still run; its start counts nevertheless.
bool Run::awaits_hooks() {
    const bool executed = released_ && !channel_source_ && !failure_;
    end_awaits_hooks_ = executed && !launched_ && !taken_down_ && attachments_.is_waiting();
    return end_awaits_hooks_;
}

/// Whether end() is called again when they are. What cannot be taken down keeps no run from ending.
bool Run::take_down() {
    if (std::exchange(taken_down_, true) && attachments_.is_waiting()) return true;
    const auto warn = [this](const Result<>& done) {
        if (!done) log_warning(std::format("{}: {}", setup_.key, done.error().message));
    };
    const auto done = attachments_.take_down(scene(), [this, warn](const Result<>& later) {
        warn(later);
        end();
    });
    if (done) warn(*done);
    return !done;
}

/// A caller who had the container killed does not want to wait for its hooks either.
void Run::limit_poststop_hooks() {
    services_.loop.arm(death_timer_, kHookGrace, [this](std::uint32_t) {
        death_timer_.reset();
        give_up_hooks();
    });
}

void Run::end() {
    if (step_ == Step::ended) return;
    // The init may have told why it failed, or that it succeeded, just before it died.
    if (channel_source_) on_channel();
    if (awaits_hooks() || take_down()) {
        for (auto* source : {&empty_source_, &empty_timer_, &death_timer_}) source->reset();
        if (killed_) limit_poststop_hooks();
        return;
    }
    attachments_.cancel();
    step_ = Step::ended;
    for (auto* source : {&channel_source_, &exit_source_, &unit_source_, &empty_source_, &empty_timer_, &launch_timer_,
                         &death_timer_})
        source->reset();
    // Should there be an init that we never heard of, it sees this and exits.
    channel_.reset();
    console_.close_run();
    auto record = make_record();
    if (!launched_) {
        if (!failure_)
            failure_ = Error{Errc::launch_failed, 0, "the init died during its set-up: " + record.message, {}, {}};
        tell_unit(launch::ServiceKind::verdict, &*failure_);
        record.reason = model::ExitReason::launch_failed;
        record.message = failure_->message;
    }
    // Moved out, since the listener may destroy this.
    const auto ended = std::move(listener_.ended);
    ended(std::move(record), launched_ ? std::nullopt : std::move(failure_));
}

}  // namespace xctl::run
