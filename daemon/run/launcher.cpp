// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/launcher.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <format>

#include "daemon/run/own_limits.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/plan/codec.hpp"

namespace xctl::run {
namespace {

constexpr int kServeSocket = 3;

/// Room for the orders of a whole host that starts at once.
constexpr int kOrderBuffer = 16 * 1024 * 1024;

Result<pid_t> spawn(const std::string& program, int socket) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, kServeSocket);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    char* argv[]{const_cast<char*>(program.c_str()), const_cast<char*>("--serve"), nullptr};
    char* envp[]{nullptr};
    pid_t pid = -1;
    const int r = posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, envp);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (r != 0) return fail_errno(r, "start " + program);
    return pid;
}

}  // namespace

Result<UniqueFd> make_plan_file(const plan::LaunchPlan& plan) {
    UniqueFd file(::memfd_create("xctl-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) return fail_errno(errno, "memfd_create");
    TRY(kernel::write_all(file.get(), plan::encode(plan)));
    (void)::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return file;
}

std::vector<int> order_descriptors(int plan_file, const launch::Descriptors& descriptors, bool terminal,
                                   launch::Parent parent) {
    std::vector<int> fds{plan_file, descriptors.channel.get()};
    if (!terminal)
        for (const auto& fd : descriptors.stdio) fds.push_back(fd.get());
    if (parent == launch::Parent::keeper) fds.push_back(descriptors.record_directory.get());
    return fds;
}

Result<launch::Launched> read_report(launch::ReceivedService& report) {
    if (report.message.error != 0)
        return std::unexpected(Error{Errc::launch_failed, report.message.error, report.message.text, "clone", {}});
    if (report.fd_count == 0) return fail(Errc::launch_failed, "the launcher reported no pidfd");
    return launch::Launched{report.message.pid, std::move(report.fds[0]), std::move(report.fds[1])};
}

Launcher::~Launcher() {
    source_.reset();
    socket_.reset();
    if (pid_ > 0) (void)::waitpid(pid_, nullptr, WNOHANG);
}

Result<> Launcher::ensure_running() {
    if (socket_) return {};
    reap();
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    pid_ = TRY(spawn(program_, theirs.get()));
    // Before its first order, since containers inherit what it has.
    if (auto given = give_usual_limits(pid_); !given) {
        give_up(given.error().message);
        return given;
    }
    (void)::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    (void)::setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kOrderBuffer, sizeof kOrderBuffer);
    socket_ = std::move(ours);
    source_ = TRY(loop_.add_io(socket_.get(), EPOLLIN, [this](std::uint32_t) { on_readable(); }));
    return {};
}

Result<> Launcher::send_order(int plan_file, const launch::Descriptors& descriptors, bool terminal,
                              launch::Parent parent) {
    launch::ServiceMessage message;
    message.kind = launch::ServiceKind::order;
    message.parent = parent;
    message.terminal = terminal;
    return launch::send_service(socket_.get(), message, order_descriptors(plan_file, descriptors, terminal, parent));
}

void Launcher::order(int plan_file, launch::Descriptors descriptors, bool terminal, launch::Parent parent, Done done) {
    auto sent = ensure_running();
    if (sent) sent = send_order(plan_file, descriptors, terminal, parent);
    if (!sent && socket_ && sent.error().sys_errno != EAGAIN) {
        // It may have died since the last order; a new one is tried once.
        give_up(sent.error().message);
        sent = ensure_running();
        if (sent) sent = send_order(plan_file, descriptors, terminal, parent);
    }
    if (!sent) return done(std::unexpected(sent.error()));
    pending_.push_back(std::move(done));
}

void Launcher::on_readable() {
    while (socket_ && take_report()) {
    }
}

bool Launcher::take_report() {
    auto received = launch::receive_service(socket_.get());
    if (!received) {
        if (received.error().sys_errno != EAGAIN) give_up(received.error().message);
        return false;
    }
    if (pending_.empty()) return true;
    const auto done = std::move(pending_.front());
    pending_.pop_front();
    done(read_report(*received));
    return true;
}

/// Never waits: a process that hangs in the kernel dies when the kernel lets it.
void Launcher::reap() {
    std::erase_if(dying_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

void Launcher::give_up(const std::string& why) {
    source_.reset();
    socket_.reset();
    if (pid_ > 0) {
        (void)::kill(pid_, SIGKILL);
        dying_.push_back(std::exchange(pid_, -1));
    }
    reap();
    for (auto& done : std::exchange(pending_, {}))
        done(fail(Errc::launch_failed, std::format("the launcher died: {}", why)));
}

}  // namespace xctl::run
