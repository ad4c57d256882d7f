// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/spawn.hpp"

#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <ranges>

#include "lib/kernel/namespaces.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/raw.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/clone_flags.hpp"
#include "lib/launch/init/steps.hpp"
#include "lib/launch/parent/keeper.hpp"

namespace xctl::launch {
namespace {

using plan::NamespaceKind;

/// What a helper process says about the init that it cloned; the pidfd comes with it.
struct HelperReport {
    std::int32_t pid = -1;
    std::int32_t error = 0;
};

/// New cgroup and time namespaces are entered by the child itself: one needs its placement, the other its offsets.
std::uint64_t flags_at_clone(const plan::LaunchPlan& plan) {
    std::uint64_t flags = 0;
    for (const auto& row : plan.namespaces)
        if (row.path.empty() && row.kind != NamespaceKind::cgroup && row.kind != NamespaceKind::time)
            flags |= static_cast<std::uint64_t>(clone_flag(row.kind));
    return flags;
}

Result<> join(const Context& context, NamespaceKind kind) {
    const int fd = joined_namespace(context, kind);
    if (fd < 0) return {};
    return kernel::join_namespace(fd, clone_flag(kind));
}

void run_init(void* context) { run_steps(*static_cast<Context*>(context)); }

Result<kernel::Child> clone_init(Context& context, std::uint64_t extra_flags, int exit_signal,
                                 const SpawnOptions& options) {
    const kernel::CloneOptions clone{.flags = flags_at_clone(*context.plan) | extra_flags,
                                     .exit_signal = exit_signal,
                                     .cgroup = options.cgroup};
    if (!options.stack.empty())
        return kernel::clone_sharing_memory(clone, {.stack = options.stack.data(),
                                                    .stack_size = options.stack.size(),
                                                    .function = run_init,
                                                    .argument = &context});
    auto child = TRY(kernel::clone_process(clone));
    if (child.pid == 0) run_steps(context);
    return child;
}

/// Joining a pid namespace changes only where our next children are born, and can be taken back, but not by a user
/// whose own pid namespace is the host's.
Result<Launched> spawn_sibling(Context& context, const SpawnOptions& options) {
    UniqueFd own_pids;
    if (joined_namespace(context, NamespaceKind::pid) >= 0)
        own_pids = TRY(kernel::open_namespace("/proc/self/ns/pid", CLONE_NEWPID));
    TRY(join(context, NamespaceKind::pid));
    const bool ours = options.parent == Parent::child;
    auto child = clone_init(context, ours ? 0 : CLONE_PARENT, ours ? SIGCHLD : 0, options);
    const auto back = own_pids ? kernel::join_namespace(own_pids.get(), CLONE_NEWPID) : Result<>();
    if (!back && !ours) return std::unexpected(back.error());
    if (!child) return std::unexpected(std::move(child).error());
    return Launched{child->pid, std::move(child->pidfd), OwnedPidFd()};
}

/// Whether the init would try it from within its user namespace.
bool is_left_to_init(const Context& context, std::size_t i) {
    const auto kind = context.plan->namespaces[i].kind;
    return context.namespaces[i] >= 0 && kind != NamespaceKind::user && kind != NamespaceKind::mount;
}

/// From within a user namespace nobody can join what another one owns, and from outside perhaps not what that one
/// owns. The init tries what is left here, and reports what fails then.
void join_from_outside(Context& context) {
    for (std::size_t i = 0; i < context.namespaces.size(); ++i)
        if (is_left_to_init(context, i) &&
            kernel::join_namespace(context.namespaces[i], clone_flag(context.plan->namespaces[i].kind)))
            context.namespaces[i] = -1;
}

Result<kernel::Child> join_and_clone(Context& context, const SpawnOptions& options) {
    if (context.in_user_namespace) join_from_outside(context);
    // The namespaces that are new shall be owned by the joined user namespace.
    TRY(join(context, NamespaceKind::user));
    TRY(join(context, NamespaceKind::pid));
    return clone_init(context, 0, SIGCHLD, options);
}

[[noreturn]] void run_helper(Context& context, const SpawnOptions& options, int socket) {
    auto init = join_and_clone(context, options);
    HelperReport report;
    if (init)
        report.pid = init->pid;
    else
        report.error = init.error().sys_errno;
    const int pidfd = init ? init->pidfd.get() : -1;
    const std::span<const int> fds(&pidfd, init ? 1 : 0);
    const bool sent = kernel::send_with_fds(socket, std::as_bytes(std::span(&report, 1)), fds).has_value();
    if (sent && init && options.parent == Parent::keeper) keep(init->pidfd, DirFd(options.record_directory));
    kernel::raw::call<SYS_exit_group>(0);
    __builtin_unreachable();
}

Result<Launched> receive_report(int socket) {
    HelperReport report;
    auto packet = TRY(kernel::receive_with_fds(socket, std::as_writable_bytes(std::span(&report, 1))));
    if (packet.size != sizeof report) return fail(Errc::launch_failed, "the launch helper died");
    if (report.error != 0 || packet.fds.empty()) return fail_errno(report.error, "clone3", Errc::launch_failed);
    return Launched{report.pid, OwnedPidFd(std::move(packet.fds.front())), OwnedPidFd()};
}

/// A keeper stays as init's parent. Without one, the helper only joins namespaces, from which there may be no way back
/// for us; it exits at once, and init becomes a child of our nearest subreaper or PID 1.
Result<Launched> spawn_through_helper(Context& context, const SpawnOptions& options) {
    const bool keeper = options.parent == Parent::keeper;
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    auto helper = TRY(kernel::clone_process(
        {.flags = keeper ? CLONE_PARENT : 0U, .exit_signal = keeper ? 0 : SIGCHLD}));
    if (helper.pid == 0) {
        ours.reset();
        run_helper(context, options, theirs.get());
    }
    theirs.reset();
    auto launched = receive_report(ours.get());
    if (!keeper) TRY(kernel::wait_exit(helper.pidfd));
    if (keeper && launched) launched->keeper_pidfd = std::move(helper.pidfd);
    return launched;
}

}  // namespace

int joined_namespace(const Context& context, NamespaceKind kind) {
    const auto& rows = context.plan->namespaces;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].kind == kind) return context.namespaces[i];
    return -1;
}

bool is_direct(const Context& context, Parent parent) {
    if (parent == Parent::keeper || joined_namespace(context, NamespaceKind::user) >= 0) return false;
    if (!context.in_user_namespace) return true;
    const auto rows = std::views::iota(std::size_t{0}, context.namespaces.size());
    return std::ranges::none_of(rows, [&](std::size_t i) { return is_left_to_init(context, i); });
}

Result<Launched> spawn(Context& context, const SpawnOptions& options) {
    return is_direct(context, options.parent) ? spawn_sibling(context, options)
                                              : spawn_through_helper(context, options);
}

}  // namespace xctl::launch
