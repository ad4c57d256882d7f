// SPDX-License-Identifier: LGPL-2.1-or-later
// How a run begins: clone, scope, set-up, go. run_exit.cpp has how it ends.
#include "daemon/run/run.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <format>

#include "lib/attachment/hooks.hpp"
#include "lib/attachment/resctrl.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/pidfd.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/init/steps.hpp"
#include "lib/launch/parent/failure_text.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"
#include "lib/launch/service_protocol.hpp"

namespace xctl::run {
namespace {

using launch::MessageKind;
using launch::ServiceKind;

/// Nothing in a launch waits for people or networks, so one that takes this long hangs.
constexpr std::chrono::seconds kLaunchTimeout{60};

constexpr char kPidfdLetter = 'P';
constexpr char kKeeperLetter = 'K';
constexpr char kChannelLetter = 'C';
constexpr char kNotifyLetter = 'N';

std::unique_ptr<attachment::Hooks> make_hooks(const std::shared_ptr<const plan::LaunchPlan>& plan) {
    using attachment::Step;
    const auto& hooks = plan->hooks;
    return std::make_unique<attachment::Hooks>(
        std::vector<attachment::Hooks::Group>{{Step::created, {}, hooks.create_runtime},
                                              {Step::launched, {}, hooks.poststart},
                                              {Step::ended, {}, hooks.poststop}},
        [plan](Step step, pid_t init) {
            const auto& all = plan->hooks;
            const auto& state = step == Step::created    ? all.create_state
                                : step == Step::launched ? all.poststart_state
                                                         : all.poststop_state;
            return state.head + std::to_string(step == Step::ended ? 0 : init) + state.tail;
        });
}

}  // namespace

Run::Run(Services& services, console::Console& console, Setup setup, Listener listener)
    : services_(services),
      console_(console),
      setup_(std::move(setup)),
      listener_(std::move(listener)),
      executor_(services.loop),
      attachments_(executor_),
      alive_(std::make_shared<bool>(true)) {
    add_attachments();
}

Run::~Run() { *alive_ = false; }

/// The order in which they are set up; the reverse takes them down. docs/ARCHITECTURE.md, "Attachments".
void Run::add_attachments() {
    const auto add = [this]<class T>(std::unique_ptr<T> attachment) {
        auto* const added = attachment.get();
        attachments_.add(std::move(attachment));
        return added;
    };
    const auto& plan = *setup_.plan;
    cgroup_ = add(std::make_unique<PayloadCgroup>(
        PayloadCgroup::Setup{setup_.key, setup_.unit, setup_.placement, setup_.plan, setup_.enter},
        services_.device_programs));
    memory_ = add(std::make_unique<MemoryWatch>(services_.loop, *cgroup_, setup_.key, listener_.out_of_memory));
    freezer_ = add(std::make_unique<FreezeWatch>(services_.loop, *cgroup_, listener_.frozen));
    add(std::make_unique<attachment::Resctrl>(plan.rdt, plan.id));
    notify_ = add(std::make_unique<NotifySocket>(setup_.notify, setup_.run_directory));
    for (auto& attachment : setup_.attachments) add(std::move(attachment));
    add(make_hooks(setup_.plan));
}

attachment::Scene Run::scene() const {
    const auto keeper = keeper_pidfd_ ? kernel::read_pidfd_pid(keeper_pidfd_.get()).value_or(-1) : -1;
    return {pid_, keeper, setup_.launched, PidFd(pidfd_.get())};
}

/// A failure ends the run.
void Run::set_up(attachment::Step step, std::function<void()> then) {
    auto finish = [this, then = std::move(then)](Result<> done) {
        done ? then() : fail_launch(std::move(done).error());
        // The program has ended before the attachments were done with its start.
        if (end_awaits_hooks_) end();
    };
    if (auto done = attachments_.set_up(step, scene(), finish)) finish(std::move(*done));
}

Result<launch::Descriptors> Run::make_descriptors() {
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    (void)::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    channel_ = std::move(ours);
    launch::Descriptors descriptors;
    descriptors.channel = std::move(theirs);
    if (!console_.ring().run_is_open()) console_.mark_run_begin(setup_.plan->process.terminal);
    if (setup_.plan->process.terminal) {
        TRY(console_.open_terminal());
    } else {
        auto ends = TRY(console_.open_pipes());
        for (std::size_t i = 0; i < ends.size(); ++i) descriptors.stdio[i] = std::move(ends[i]);
    }
    descriptors.record_directory =
        TRY(kernel::open_at(setup_.run_directory, ".", O_RDONLY | O_DIRECTORY), "open the run directory");
    (void)::unlinkat(setup_.run_directory, "exit", 0);
    return descriptors;
}

void Run::launch() {
    set_up(attachment::Step::prepare, [this] { order_launch(); });
}

void Run::order_launch() {
    auto descriptors = make_descriptors();
    if (!descriptors) return fail_launch(std::move(descriptors).error());
    const auto plan = make_plan_file(*setup_.plan);
    if (!plan) return fail_launch(plan.error());
    arm_launch_timer();
    const auto parent = services_.exit_info ? launch::Parent::sibling : launch::Parent::keeper;
    services_.launcher.order(plan->get(), std::move(*descriptors), setup_.plan->process.terminal, parent,
                             [this, alive = alive_](Result<launch::Launched> launched) {
                                 if (*alive) on_launched(std::move(launched));
                             });
}

void Run::launch_in_unit(UniqueFd connection) {
    unit_connection_ = std::move(connection);
    set_up(attachment::Step::prepare, [this] { order_in_unit(); });
}

void Run::order_in_unit() {
    auto descriptors = make_descriptors();
    if (!descriptors) return fail_launch(std::move(descriptors).error());
    const auto plan = make_plan_file(*setup_.plan);
    if (!plan) return fail_launch(plan.error());
    launch::ServiceMessage order;
    order.kind = ServiceKind::order;
    order.parent = launch::Parent::sibling;
    order.terminal = setup_.plan->process.terminal;
    const auto fds = order_descriptors(plan->get(), *descriptors, order.terminal, order.parent);
    if (const auto sent = launch::send_service(unit_connection_.get(), order, fds); !sent)
        return fail_launch(sent.error());
    auto source = services_.loop.add_io(unit_connection_.get(), EPOLLIN, [this](std::uint32_t) { on_unit_readable(); });
    if (!source) return fail_launch(source.error());
    unit_source_ = std::move(*source);
    in_scope_ = true;  // the init will be born in the unit's payload cgroup
}

void Run::on_launched(Result<launch::Launched> launched) {
    if (!launched) return fail_launch(std::move(launched).error());
    if (auto watched = watch_launched(std::move(*launched)); !watched) return fail_launch(watched.error());
    if (killed_) return kill();
    if (setup_.enter) in_scope_ = true;
    if (setup_.placement == model::Placement::scope && !setup_.enter) request_scope();
}

void Run::arm_launch_timer() {
    services_.loop.arm(launch_timer_, kLaunchTimeout, [this](std::uint32_t) {
        failure_ = Error{Errc::timeout, 0, "the launch hangs", {}, {}};
        // Without a process it is the launcher that hangs, and all other launches behind it.
        if (!pidfd_ && setup_.placement == model::Placement::scope) return services_.launcher.give_up("it hangs");
        pidfd_ ? kill() : fail_launch(*failure_);
    });
}

Result<> Run::watch_launched(launch::Launched launched) {
    step_ = Step::setting_up;
    pid_ = launched.pid;
    pidfd_ = std::move(launched.pidfd);
    keeper_pidfd_ = std::move(launched.keeper_pidfd);
    TRY(watch_exit(setup_.placement == model::Placement::scope));
    channel_source_ = TRY(services_.loop.add_io(channel_.get(), EPOLLIN, [this](std::uint32_t) { on_channel(); }));
    arm_launch_timer();
    return {};
}

void Run::request_scope() {
    systemd::ScopeRequest request;
    request.unit = setup_.unit;
    request.description = "Container " + setup_.key;
    for (const auto* pidfd : {&pidfd_, &keeper_pidfd_})
        if (*pidfd) request.pidfds.emplace_back(::fcntl(pidfd->get(), F_DUPFD_CLOEXEC, 3));
    request.kill_signal = setup_.stop_signal;
    request.stop_timeout = setup_.stop_timeout;
    request.after = setup_.after;
    request.before = setup_.before;
    services_.scopes.start(std::move(request), [this, alive = alive_](Result<> result) {
        if (*alive) on_scope(std::move(result));
    });
}

void Run::on_scope(Result<> result) {
    if (step_ != Step::setting_up) return;
    if (!result) {
        if (!failure_) failure_ = std::move(result).error();
        return kill();
    }
    in_scope_ = true;
    place();
}

void Run::on_channel() {
    while (channel_source_) {
        auto received = launch::receive(channel_.get());
        if (!received) return on_channel_closed();
        if (!*received) return;
        on_message(std::move(**received));
    }
}

void Run::on_message(launch::Received received) {
    switch (received.message.kind) {
        case MessageKind::console:
            if (const auto set = console_.set_terminal(std::move(received.fd)); !set) {
                failure_ = set.error();
                kill();
            }
            return;
        case MessageKind::await_placement:
            wants_placement_ = true;
            return place();
        case MessageKind::ready: return on_ready();
        case MessageKind::failed:
            if (!failure_) failure_ = launch::describe_failure(received.message, *setup_.plan);
            return;
        case MessageKind::await_hooks: return run_create_hooks();
        case MessageKind::mounted: return note_mount(received);
        case MessageKind::placed:
        case MessageKind::hooks_done:
        case MessageKind::hold:
        case MessageKind::go: return;  // ours to say
    }
}

void Run::note_mount(const launch::Received& received) {
    const auto& root = setup_.plan->root;
    const auto index = static_cast<std::size_t>(received.message.index);
    const bool device = received.message.step == launch::step_number("device");
    if (index >= (device ? root.devices.size() : root.mounts.size())) return;
    mount_ids_[device ? root.devices[index].path : root.mounts[index].target] = received.mount_id;
}

/// End of file: the init executed the program, or it died.
void Run::on_channel_closed() {
    channel_source_.reset();
    channel_.reset();
    if (!released_ || failure_ || launched_) return;
    launch_timer_.reset();
    if (setup_.launched) return on_launch_succeeded();
    set_up(attachment::Step::launched, [this] { on_launch_succeeded(); });
}

void Run::on_launch_succeeded() {
    launched_ = true;
    if (step_ == Step::parked) step_ = Step::running;
    tell_unit(ServiceKind::verdict, nullptr);
    if (const auto listening = notify_->listen(services_.loop, listener_.notified); !listening)
        log_warning(std::format("{}: its notifications are not heard: {}", setup_.key, listening.error().message));
    listener_.launched();
}

/// The program may run already, so that how it ends is told as of any other, though its start is not.
void Run::give_up_hooks() {
    if (!attachments_.is_waiting()) return;
    attachments_.cancel();
    const bool at_end = step_ == Step::ending && (end_awaits_hooks_ || taken_down_);
    if (released_ && !channel_source_ && !failure_ && !launched_) {
        const Error error{Errc::cancelled, 0, "it was stopped before its poststart hooks had ended", {}, {}};
        launched_ = true;
        tell_unit(ServiceKind::verdict, &error);
    }
    if (taken_down_) log_warning(setup_.key + ": its poststop hooks did not end in time and were killed");
    if (at_end) end_soon();
}

/// Hooks have timeouts of their own, or none.
void Run::run_create_hooks() {
    launch_timer_.reset();
    set_up(attachment::Step::created, [this] {
        arm_launch_timer();
        (void)launch::send(channel_.get(), MessageKind::hooks_done);
    });
}

void Run::place() {
    // Once it is dead its number may be someone else's.
    if (!in_scope_ || !wants_placement_ || step_ >= Step::ending) return;
    wants_placement_ = false;
    set_up(attachment::Step::placed, [this] { (void)launch::send(channel_.get(), MessageKind::placed); });
}

void Run::on_ready() {
    if (step_ >= Step::ending) return;
    listener_.placed(pid_);
    auto parked = setup_.enter ? Result<>() : save_mount_ids(setup_.run_directory, mount_ids_);
    if (parked) parked = park();
    if (!parked) {
        failure_ = std::move(parked).error();
        return kill();
    }
    step_ = Step::parked;
    if (setup_.placement == model::Placement::unit) return tell_unit(ServiceKind::announce, nullptr);
    go();
}

Result<> Run::park() {
    std::string letters;
    std::vector<int> fds;
    const auto add = [&](char letter, int fd) {
        if (fd < 0) return;
        letters += letter;
        fds.push_back(fd);
    };
    add(kPidfdLetter, pidfd_.get());
    add(kKeeperLetter, keeper_pidfd_.get());
    add(kChannelLetter, channel_.get());
    add(kNotifyLetter, notify_->fd());
    for (const auto& held : console_.held()) add(static_cast<char>(held.role), held.fd);
    const auto& [life, number] = setup_.identity;
    return services_.parking.park(setup_.key, std::format("{} {} {}", number, letters, life), fds);
}

void Run::repark() {
    if (step_ != Step::parked && step_ != Step::running) return;
    if (park()) (void)services_.parking.compact();
}

void Run::go() {
    released_ = true;
    (void)launch::send(channel_.get(), MessageKind::go);
}

Run::Identity Run::identity_of(const Parking::Entry& entry) {
    const auto words = split(entry.text, ' ');
    if (words.size() < 2) return {};
    return {words.size() > 2 ? words[2] : std::string(), parse_unsigned(words[0]).value_or(0)};
}

Result<> Run::adopt(Parking::Entry entry) {
    step_ = Step::parked;
    std::vector<std::pair<console::ConsoleRole, UniqueFd>> held;
    const auto words = split(entry.text, ' ');
    const auto letters = words.size() > 1 ? words[1] : std::string();
    for (std::size_t i = 0; i < entry.fds.size() && i < letters.size(); ++i) {
        auto& fd = entry.fds[i];
        switch (letters[i]) {
            case kPidfdLetter: pidfd_ = std::move(fd); break;
            case kKeeperLetter: keeper_pidfd_ = std::move(fd); break;
            case kChannelLetter: channel_ = std::move(fd); break;
            case kNotifyLetter: notify_->hold(std::move(fd)); break;
            default: held.emplace_back(static_cast<console::ConsoleRole>(letters[i]), std::move(fd));
        }
    }
    if (!pidfd_) return fail(Errc::system, "the parked run has no pidfd");
    pid_ = kernel::read_pidfd_pid(pidfd_.get()).value_or(-1);
    TRY(console_.adopt(std::move(held)));
    // Nothing of this has to wait, since nothing has been made that is not there.
    if (auto recovered = attachments_.set_up(attachment::Step::recover, scene(), {})) TRY(std::move(*recovered));
    TRY(watch_exit(false));
    // It was parked again after its program had begun, see repark().
    if (!channel_) {
        released_ = true;
        on_channel_closed();
        return {};
    }
    // The init waits for this, or executes its program already and will never read it.
    go();
    channel_source_ = TRY(services_.loop.add_io(channel_.get(), EPOLLIN, [this](std::uint32_t) { on_channel(); }));
    return {};
}

/// A failure before there is a process: nothing to wait for.
void Run::fail_launch(Error error) {
    if (!failure_) failure_ = std::move(error);
    if (pidfd_) return kill();
    end_soon();
}

/// In the next turn of the loop: nothing ends within the call that wants it.
void Run::end_soon() {
    services_.loop.defer(empty_timer_, [this](std::uint32_t) { end(); });
}

void Run::on_unit_readable() {
    while (unit_source_) {
        auto received = launch::receive_service(unit_connection_.get());
        if (!received && received.error().sys_errno == EAGAIN) return;
        if (!received) {
            unit_source_.reset();
            if (step_ == Step::launching || step_ == Step::setting_up)
                fail_launch({Errc::launch_failed, 0, "xctl-launch left before the container was ready", {}, {}});
            return;
        }
        on_unit_message(std::move(*received));
    }
}

void Run::on_unit_message(launch::ReceivedService received) {
    if (received.message.kind == ServiceKind::report && step_ == Step::launching)
        return on_launched(read_report(received));
    // systemd knows the main process now, so its exit status cannot be missed.
    if (received.message.kind == ServiceKind::announce && step_ == Step::parked) go();
}

void Run::tell_unit(ServiceKind kind, const Error* error) {
    if (!unit_connection_) return;
    launch::ServiceMessage message;
    message.kind = kind;
    message.pid = pid_;
    message.ready_later = setup_.ready_later;
    if (error != nullptr) {
        message.error = error->sys_errno != 0 ? error->sys_errno : EIO;
        message.text = error->message.substr(0, launch::kMaxText);
    }
    (void)launch::send_service(unit_connection_.get(), message, {});
    if (kind == ServiceKind::verdict) {
        unit_source_.reset();
        unit_connection_.reset();
    }
}

Result<> Run::send_signal(int signal) {
    if (!pidfd_ || step_ >= Step::ending) return fail(Errc::wrong_state, "the container has no process");
    return kernel::send_signal(pidfd_.get(), signal);
}

Result<> Run::change_limits(const plan::Cgroup& limits) {
    cgroup_->open_of(pid_);
    if (cgroup_->fd() < 0 || step_ >= Step::ending) return fail(Errc::wrong_state, "the container has no cgroup");
    return cgroup_->change_limits(limits);
}

void Run::kill() {
    killed_ = true;
    give_up_hooks();
    if (setup_.enter) kill_session();
    if (payload() >= 0) (void)kernel::kill_cgroup(payload());
    if (pidfd_) (void)kernel::send_signal(pidfd_.get(), SIGKILL);
    await_death();
}

}  // namespace xctl::run
