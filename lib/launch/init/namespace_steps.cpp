// SPDX-License-Identifier: LGPL-2.1-or-later
// Steps that enter and name namespaces.
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include <cstring>

#include "lib/kernel/raw.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/clone_flags.hpp"
#include "lib/launch/init/decimal.hpp"
#include "lib/launch/init/offered_sources.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;
using plan::NamespaceKind;

constexpr int kExitNobodyWaits = 125;

int write_file(int directory, const char* path, const char* text, std::size_t size) {
    const raw::Fd file(raw::call<SYS_openat>(directory, path, O_WRONLY | O_CLOEXEC));
    if (file.failed()) return file.get();
    const int written = raw::call<SYS_write>(file.get(), text, size);
    return written < 0 ? written : 0;
}

/// The user namespace was joined before clone, so that it owns the new namespaces; the pid namespace too, since
/// only a new process can enter one. With a user namespace others may have been as well, and are not left to us.
bool is_joined_by_child(const plan::Namespace& row) {
    return row.kind != NamespaceKind::user && row.kind != NamespaceKind::pid;
}

int join_row(Context& context, std::size_t i) {
    const auto& row = context.plan->namespaces[i];
    if (context.namespaces[i] < 0 || !is_joined_by_child(row)) return 0;
    context.index = static_cast<int>(i);
    return raw::call<SYS_setns>(context.namespaces[i], clone_flag(row.kind));
}

/// The number of bytes, or a failure.
int receive_message(int channel, Message* message) {
    int size = 0;
    do size = raw::call<SYS_recvfrom>(channel, message, sizeof *message, 0, nullptr, nullptr);
    while (raw::errno_of(size) == EINTR);
    return size;
}

/// Blocks until a message arrives. Without anybody at the other end there is no reason to go on.
int await_any(Context& context, Message* message) {
    const int size = receive_message(context.channel, message);
    if (size == 0) raw::call<SYS_exit_group>(kExitNobodyWaits);
    if (size < 0) return size;
    return size == sizeof *message ? 0 : raw::failure(EPROTO);
}

int await_message(Context& context, MessageKind kind) {
    Message message;
    if (const int result = await_any(context, &message); result < 0) return result;
    return message.kind == kind ? 0 : raw::failure(EPROTO);
}

/// Who connects only to see whether we are still here says nothing, and is let go.
int accept_start(Context& context) {
    while (true) {
        const int peer = raw::call<SYS_accept4>(context.start, nullptr, nullptr, SOCK_CLOEXEC);
        if (raw::errno_of(peer) == EINTR) continue;
        if (peer < 0) return peer;
        Message message;
        const int size = receive_message(peer, &message);
        if (size == sizeof message && message.kind == MessageKind::go) {
            const int result = raw::call<SYS_dup3>(peer, context.channel, O_CLOEXEC);
            raw::close(peer);
            return result < 0 ? result : 0;
        }
        raw::close(peer);
    }
}

int send_message(Context& context, MessageKind kind) {
    const Message message{.kind = kind};
    const int size = raw::call<SYS_sendto>(context.channel, &message, sizeof message, MSG_NOSIGNAL, nullptr, 0);
    return size < 0 ? size : 0;
}

}  // namespace

int await_gate(Context& context) {
    if (context.gate < 0) return 0;
    raw::close(context.gate_release);
    char byte = 0;
    int size = 0;
    do size = raw::call<SYS_read>(context.gate, &byte, 1);
    while (raw::errno_of(size) == EINTR);
    // The parent reports its own failure.
    if (size == 0) raw::call<SYS_exit_group>(kExitNobodyWaits);
    return size < 0 ? size : 0;
}

int skip(Context&) { return 0; }

int hide_from_others(Context& context) {
    if (const int result = raw::call<SYS_prctl>(PR_SET_DUMPABLE, 0, 0, 0, 0); result < 0) return result;
    raw::call<SYS_umask>(0);
    context.proc = raw::call<SYS_openat>(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (context.proc < 0) return context.proc;
    struct statfs info{};
    if (const int result = raw::call<SYS_fstatfs>(context.proc, &info); result < 0) return result;
    if (info.f_type != PROC_SUPER_MAGIC) return raw::failure(ENODEV);
    const int size = raw::call<SYS_readlinkat>(context.proc, "self", context.host_pid, sizeof context.host_pid - 1);
    return size < 0 ? size : 0;
}

int set_oom_score(Context& context) {
    const auto score = context.plan->process.oom_score_adj;
    // With a user namespace we lack the privilege to lower it, and the parent did it.
    if (!score || context.in_user_namespace) return 0;
    const Decimal text(*score);
    return write_file(context.proc, "self/oom_score_adj", text.begin, text.size());
}

/// Only children would be born in it, and a process that calls execve(2).
int enter_time_namespace(Context& context) {
    if (!has_new_namespace(*context.plan, NamespaceKind::time)) return 0;
    if (const int result = raw::call<SYS_unshare>(CLONE_NEWTIME); result < 0) return result;
    const auto& offsets = context.time_offsets;
    if (offsets.empty()) return 0;
    return write_file(context.proc, "self/timens_offsets", offsets.c_str(), offsets.size());
}

/// The mount namespace comes last: with it our root and /proc become the container's.
int join_namespaces(Context& context) {
    const auto& rows = context.plan->namespaces;
    for (const bool mounts : {false, true})
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if ((rows[i].kind == NamespaceKind::mount) != mounts) continue;
            if (const int result = join_row(context, i); result < 0) return result;
        }
    return 0;
}

/// In a user namespace we are about to become a user that may have no access to the host's directories on the way
/// to the root and to the sources of the bind mounts. Some of these the launcher had to open.
int open_sources(Context& context) {
    if (!context.in_user_namespace) return 0;
    const auto& root = context.plan->root;
    context.root_source = raw::call<SYS_openat>(AT_FDCWD, root.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (context.root_source < 0) return context.root_source;
    if (const int result = context.has_opener ? receive_sources(context) : 0; result < 0) return result;
    for (std::size_t i = 0; i < root.mounts.size(); ++i) {
        if (!lacks_source(context, i)) continue;
        context.index = static_cast<int>(i);
        const auto& mount = root.mounts[i];
        context.sources[i] =
            raw::call<SYS_openat>(AT_FDCWD, mount.source.c_str(), source_flags(mount) | O_CLOEXEC);
        // One that an earlier mount of the container brings is there later.
        if (context.sources[i] < 0 && raw::errno_of(context.sources[i]) != ENOENT) return context.sources[i];
    }
    return 0;
}

int become_container_root(Context& context) {
    if (!context.in_user_namespace) return 0;
    // Refused when the namespace was made without privileges; then there is nothing to drop either.
    const int groups = context.plan->process.keep_groups ? 0 : raw::call<SYS_setgroups>(0, nullptr);
    if (groups < 0 && raw::errno_of(groups) != EPERM) return groups;
    if (const int result = raw::call<SYS_setresgid>(0, 0, 0); result < 0) return result;
    return raw::call<SYS_setresuid>(0, 0, 0);
}

int start_session(Context&) {
    const int result = raw::call<SYS_setsid>();
    return result < 0 ? result : 0;
}

int set_hostname(Context& context) {
    const auto& name = context.plan->hostname;
    return name.empty() ? 0 : raw::call<SYS_sethostname>(name.c_str(), name.size());
}

int set_domainname(Context& context) {
    const auto& name = context.plan->domainname;
    return name.empty() ? 0 : raw::call<SYS_setdomainname>(name.c_str(), name.size());
}

int raise_loopback(Context& context) {
    if (!has_new_namespace(*context.plan, NamespaceKind::network)) return 0;
    const raw::Fd socket(raw::call<SYS_socket>(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (socket.failed()) return socket.get();
    ifreq request{};
    std::memcpy(request.ifr_name, "lo", sizeof "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return raw::call<SYS_ioctl>(socket.get(), SIOCSIFFLAGS, &request);
}

int ensure_placed(Context& context) {
    if (context.placed) return 0;
    if (!context.born_placed) {
        if (const int result = send_message(context, MessageKind::await_placement); result < 0) return result;
        if (const int result = await_message(context, MessageKind::placed); result < 0) return result;
    }
    context.placed = true;
    // The namespace's root is the cgroup that we are in now.
    const bool is_new = has_new_namespace(*context.plan, NamespaceKind::cgroup);
    return is_new ? raw::call<SYS_unshare>(CLONE_NEWCGROUP) : 0;
}

int enter_placement(Context& context) { return ensure_placed(context); }

int await_runtime_hooks(Context& context) {
    if (const int result = send_message(context, MessageKind::await_hooks); result < 0) return result;
    return await_message(context, MessageKind::hooks_done);
}

int await_go(Context& context) {
    if (const int result = send_message(context, MessageKind::ready); result < 0) return result;
    Message answer;
    if (const int result = await_any(context, &answer); result < 0) return result;
    if (answer.kind == MessageKind::go) return 0;
    if (answer.kind != MessageKind::hold || context.start < 0) return raw::failure(EPROTO);
    if (const int result = end_on_signals(); result < 0) return result;
    // Until someone connects, what fails has nobody to be told to, so that number stays taken but leads nowhere.
    if (const int result = raw::call<SYS_shutdown>(context.channel, SHUT_RDWR); result < 0) return result;
    return accept_start(context);
}

}  // namespace xctl::launch
