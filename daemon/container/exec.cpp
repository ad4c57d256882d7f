// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/exec.hpp"

#include <format>

#include "api/limits.hpp"
#include "daemon/run/run_directory.hpp"
#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/process_info.hpp"
#include "lib/kernel/socket.hpp"

namespace xctl::container {
namespace {

constexpr std::uint64_t kRingSize = 1024 * 1024;

/// How long a client may take to come back, for the end too.
constexpr std::chrono::seconds kExecReturnTime{10};
constexpr std::chrono::milliseconds kExecPurgeInterval{100};

}  // namespace

struct Execs::Exec {
    Exec(const run::Services& services, std::string id_, run::RunDirectory directory_, ring::Ring ring)
        : id(std::move(id_)),
          directory(std::move(directory_)),
          console(services.loop, services.pipe_workers, std::move(ring)) {}

    std::string id;
    run::RunDirectory directory;
    console::Console console;
    std::unique_ptr<run::Run> run;
    Started started;
    std::function<void(const model::ExitRecord&)> ended;
    kernel::EventSource purge;
};

Execs::Execs(run::Services& services, std::string name, std::string directory)
    : services_(services), name_(std::move(name)), directory_(std::move(directory)) {}

Execs::~Execs() = default;

Result<Execs::Exec*> Execs::open(const std::string& id) {
    const auto valid = TRY(ContainerId::parse(id));
    auto directory = TRY(run::RunDirectory::open(directory_, valid));
    auto ring = TRY(ring::Ring::open_at(directory.fd(), "console", kRingSize));
    auto& exec = execs_[id];
    exec = std::make_unique<Exec>(services_, id, std::move(directory), std::move(ring));
    exec->console.set_lossless();
    exec->console.set_hang_listener(on_hang_);
    exec->console.set_shrink_listener([raw = exec.get()] {
        if (raw->run) raw->run->repark();
    });
    return exec.get();
}

void Execs::make_run(Exec& exec, plan::LaunchPlan plan, std::function<Result<>(pid_t pid, pid_t keeper)> enter) {
    run::Run::Setup setup;
    setup.key = key_of(exec.id);
    setup.plan = std::make_shared<const plan::LaunchPlan>(std::move(plan));
    setup.run_directory = exec.directory.fd();
    setup.identity = {exec.id, 1};
    setup.enter = std::move(enter);
    run::Run::Listener listener;
    listener.placed = [](pid_t) {};
    listener.launched = [&exec] {
        if (const auto started = std::exchange(exec.started, {})) started({});
    };
    listener.ended = [this, &exec](const model::ExitRecord& record, std::optional<Error> failure) {
        on_ended(exec, record, std::move(failure));
    };
    listener.stuck = [](const std::string&) {};
    listener.out_of_memory = [](std::uint64_t) {};
    listener.frozen = [](bool) {};
    exec.run = std::make_unique<run::Run>(services_, exec.console, std::move(setup), std::move(listener));
}

Result<Execs::Opened> Execs::start(Order order, console::ConsoleClient::Options options, Started started) {
    auto* const exec = TRY(open(run::make_life()));
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_STREAM));
    options.cursor = ring::ConsoleCursor::resume(exec->console.ring(), 0, 0);
    options.terminal = order.plan.process.terminal;
    if (auto attached = exec->console.attach(std::move(ours), std::move(options)); !attached) {
        purge_in(*exec, {});
        return std::unexpected(std::move(attached).error());
    }
    const bool input = order.input || order.plan.process.terminal;
    exec->started = std::move(started);
    exec->ended = std::move(order.ended);
    make_run(*exec, std::move(order.plan), std::move(order.enter));
    exec->run->launch();
    if (!input) exec->console.end_input(false);
    return Opened{exec->id, std::move(theirs)};
}

void Execs::on_ended(Exec& exec, const model::ExitRecord& record, std::optional<Error> failure) {
    exec.console.mark_run_end(record, true);
    services_.parking.drop(key_of(exec.id));
    if (const auto started = std::exchange(exec.started, {}))
        started(failure ? std::unexpected(std::move(*failure)) : fail(Errc::launch_failed, record.message));
    if (const auto ended = std::exchange(exec.ended, {})) ended(record);
    purge_in(exec,
             exec.console.clients().count() > 0 ? std::chrono::microseconds(kExecPurgeInterval) : kExecReturnTime);
}

/// When nobody reads it any more. Never within its own callbacks.
void Execs::purge_in(Exec& exec, std::chrono::microseconds delay) {
    services_.loop.arm(exec.purge, delay, [this, &exec](std::uint32_t) {
        if (exec.console.clients().count() > 0) return purge_in(exec, kExecPurgeInterval);
        if (const auto id = ContainerId::parse(exec.id))
            if (const auto removed = run::RunDirectory::remove(directory_, *id); !removed)
                log_warning(std::format("{}: {}", name_, removed.error().message));
        execs_.erase(std::string(exec.id));
    });
}

void Execs::recover(std::vector<run::Parking::Entry> parked) {
    std::map<std::string, run::Parking::Entry> by_id;
    for (auto& entry : parked) by_id.emplace(entry.key.substr(name_.size() + 1), std::move(entry));
    for (const auto& id : kernel::list_directory(AT_FDCWD, directory_).value_or(std::vector<std::string>())) {
        auto node = by_id.extract(id);
        take_up(id, node.empty() ? std::nullopt : std::optional(std::move(node.mapped())));
    }
    for (const auto& [id, entry] : by_id) services_.parking.drop(key_of(id));
}

/// One whose descriptors are gone was not released yet, and has died with the last daemon.
void Execs::take_up(const std::string& id, std::optional<run::Parking::Entry> parked) {
    const auto opened = open(id);
    if (!opened) return;
    auto& exec = **opened;
    const bool open_run = exec.console.ring().run_is_open();
    if (parked && open_run && run::Run::identity_of(*parked) == run::Run::Identity{id, 1}) {
        exec.console.hold(kExecReturnTime);
        make_run(exec, {}, [](pid_t, pid_t) -> Result<> { return {}; });
        if (exec.run->adopt(std::move(*parked))) return;
        exec.console.close_run();
    }
    services_.parking.drop(key_of(id));
    if (open_run) exec.console.mark_run_end({model::ExitReason::unknown}, true);
    purge_in(exec, kExecReturnTime);
}

Result<UniqueFd> Execs::attach(const std::string& id, console::ConsoleClient::Options options,
                               std::optional<std::uint64_t> offset, std::optional<std::uint64_t> mark, bool steal) {
    const auto found = execs_.find(id);
    if (found == execs_.end()) return fail(Errc::not_found, std::format("{} has no exec {}", name_, xctl::quoted(id)));
    auto& console = found->second->console;
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_STREAM));
    const auto& ring = console.ring();
    options.cursor = offset && mark ? ring::ConsoleCursor::resume(ring, *offset, *mark)
                                    : ring::ConsoleCursor::at(ring, offset.value_or(ring.begin()));
    TRY(console.attach(std::move(ours), std::move(options), steal));
    return std::move(theirs);
}

std::vector<api::ExecInfo> Execs::list() const {
    std::vector<api::ExecInfo> out;
    for (const auto& [id, exec] : execs_) {
        if (!exec->run || exec->run->pid() <= 0 || !exec->console.ring().run_is_open()) continue;
        // An exec that has just ended has no command line any more.
        const auto process = kernel::read_process_info(exec->run->pid(), api::kMaxCommandBytes + 1);
        if (!process) continue;
        out.push_back({id, static_cast<std::uint64_t>(exec->run->pid()),
                       shortened(valid_utf8(process->command), api::kMaxCommandBytes), exec->console.has_terminal(),
                       exec->console.clients().count()});
    }
    return out;
}

void Execs::kill(const std::string& id) {
    const auto found = execs_.find(id);
    if (found != execs_.end() && found->second->run) found->second->run->kill();
}

void Execs::finish() {
    for (auto& [id, exec] : execs_) exec->console.finish_clients();
}

std::string container_of_exec(const std::string& parking_key) {
    const auto slash = parking_key.find('/');
    return slash == std::string::npos ? std::string() : parking_key.substr(0, slash);
}

}  // namespace xctl::container
