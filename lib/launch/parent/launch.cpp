// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/launch.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>

#include "lib/kernel/file.hpp"
#include "lib/kernel/guarded_stack.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/raw.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/parent/id_map_text.hpp"
#include "lib/launch/parent/parent_part.hpp"
#include "lib/launch/parent/prepare.hpp"
#include "lib/launch/parent/source_opener.hpp"
#include "lib/launch/parent/spawn.hpp"

namespace xctl::launch {
namespace {

constexpr int kAfterStreams = 3;
constexpr mode_t kPipeMode = 0666;
constexpr std::size_t kStackSize = 256 * 1024, kStackUsed = 32 * 1024;
constexpr std::size_t kDeepestCalls = 24;  // of what runs there; nothing there may be recursive
// The compiler refuses larger frames, see meson.build.
static_assert(kDeepestCalls * XCTL_INIT_FRAME <= kStackSize && XCTL_INIT_FRAME <= kernel::GuardedStack::kGuardSize);

/// 0, 1 and 2 are about to become the container's streams, and those after them may be its too.
Result<> move_up(UniqueFd& fd, int first_free) {
    if (!fd || fd.get() >= first_free) return {};
    UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, first_free));
    if (!moved) return fail_errno(errno, "fcntl");
    fd = std::move(moved);
    return {};
}

/// Our own are closed on exec; one that is not was passed to us.
Result<> check_preserved(int count) {
    for (int fd = kAfterStreams; fd < kAfterStreams + count; ++fd) {
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0)
            return fail(Errc::invalid_argument, "cannot preserve descriptor " + std::to_string(fd) + " of " +
                                                    std::to_string(count) + " from 3 on: the caller did not pass it");
    }
    return {};
}

struct Gate {
    UniqueFd read, write;
};

Result<Gate> make_gate(int first_free) {
    auto [inner, outer] = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    Gate gate{std::move(inner), std::move(outer)};
    TRY(move_up(gate.read, first_free));
    TRY(move_up(gate.write, first_free));
    return gate;
}

/// The host's id of the program's user; nothing when only a namespace that is joined knows.
std::optional<uid_t> host_user_of(const plan::LaunchPlan& plan) {
    if (find_namespace(plan, plan::NamespaceKind::user) == nullptr) return plan.process.uid;
    return plan::host_id_of(plan.process.uid, plan.uid_map);
}

/// An anonymous pipe can be opened only through /proc of a process that has it.
bool is_anonymous_pipe(int fd) {
    struct statfs info{};
    return ::fstatfs(fd, &info) == 0 && info.f_type == PIPEFS_MAGIC;
}

/// A program may open /dev/stdout anew, and many images link their log files to it. Pipes are made for the container,
/// so its user may own them, and its other users may open them; other files are not ours to give away.
void give_pipes_to_user(std::span<const UniqueFd> streams, const plan::LaunchPlan& plan) {
    const auto owner = host_user_of(plan);
    for (const auto& stream : streams) {
        struct stat info{};
        if (!stream || ::fstat(stream.get(), &info) < 0 || !S_ISFIFO(info.st_mode)) continue;
        [[maybe_unused]] int result = owner ? ::fchown(stream.get(), *owner, static_cast<gid_t>(-1)) : 0;
        if (is_anonymous_pipe(stream.get())) result = ::fchmod(stream.get(), kPipeMode);
    }
}

Result<> report_failure(int channel, const Part& part) {
    const Message message{
        .kind = MessageKind::failed, .step = part.step, .error = part.result.error().sys_errno, .index = part.index};
    return kernel::send_with_fds(channel, std::as_bytes(std::span(&message, 1)), {});
}

/// Once init exists, it has a supervisor that watches its channel: that is told, and the launch itself succeeded.
Result<> open_gate(const Context& context, const Launched& launched, int gate) {
    const Part part = do_parents_part(context, launched.pid);
    if (part.result) {
        TRY(kernel::write_all(gate, "!"));
        if (context.has_opener) start_opener(context, launched.pid, gate);
        return {};
    }
    TRY(report_failure(context.channel, part));
    return kernel::send_signal(launched.pidfd, SIGKILL);
}

/// The files in /proc of who hides from others belong to root. Until the child's ids are mapped, and nothing of the
/// container exists, a user who makes it needs them.
class Visibility {
public:
    explicit Visibility(bool wanted) : before_(wanted ? ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) : -1) {
        if (before_ >= 0) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    }
    Visibility(const Visibility&) = delete;
    Visibility& operator=(const Visibility&) = delete;
    ~Visibility() {
        if (before_ >= 0) ::prctl(PR_SET_DUMPABLE, before_, 0, 0, 0);
    }

private:
    int before_;
};

/// A process is born where its parent may run.
class BirthCpus {
public:
    explicit BirthCpus(const std::vector<std::uint64_t>& cpus) {
        if (cpus.empty()) return;
        saved_.resize(kMaxCpuWords);
        const long size = ::syscall(SYS_sched_getaffinity, 0, saved_.size() * sizeof saved_[0], saved_.data());
        saved_.resize(size < 0 ? 0 : static_cast<std::size_t>(size) / sizeof saved_[0]);
        if (size < 0 || !set(cpus)) error_ = errno;
    }
    BirthCpus(const BirthCpus&) = delete;
    BirthCpus& operator=(const BirthCpus&) = delete;
    ~BirthCpus() {
        if (!saved_.empty()) static_cast<void>(set(saved_));
    }
    [[nodiscard]] Result<> check() const {
        return error_ == 0 ? Result<>() : fail_errno(error_, "/process/execCPUAffinity/initial: sched_setaffinity");
    }

private:
    static constexpr std::size_t kMaxCpuWords = 128;
    static bool set(const std::vector<std::uint64_t>& cpus) {
        return ::syscall(SYS_sched_setaffinity, 0, cpus.size() * sizeof cpus[0], cpus.data()) == 0;
    }
    std::vector<std::uint64_t> saved_;
    int error_ = 0;
};

/// What init uses.
struct Kept {
    plan::LaunchPlan plan;  // a copy, when init shares our memory
    Preparation preparation;
    kernel::GuardedStack stack;  // only then
};

/// The kernel lets nobody who shares memory into one; CRIU gives one to every container that it restores.
bool joins_time_namespace(const plan::LaunchPlan& plan) {
    return std::ranges::any_of(plan.namespaces, [](const plan::Namespace& row) {
        return row.kind == plan::NamespaceKind::time && !row.path.empty();
    });
}

}  // namespace

Result<Launched> launch(const plan::LaunchPlan& plan, Descriptors descriptors, Parent parent) {
    TRY(check_preserved(descriptors.preserved));
    const bool shares = parent == Parent::child && kernel::kCanShareMemory && !joins_time_namespace(plan);
    auto kept = std::make_unique<Kept>(shares ? plan : plan::LaunchPlan());
    kept->preparation = TRY(prepare(shares ? kept->plan : plan));
    auto& context = kept->preparation.context;
    const int first_free = kAfterStreams + descriptors.preserved;
    TRY(move_up(descriptors.channel, first_free));
    TRY(move_up(kept->preparation.listener, first_free));
    context.listener = kept->preparation.listener.get();
    TRY(move_up(descriptors.start, first_free));
    for (auto& fd : descriptors.stdio) TRY(move_up(fd, first_free));
    give_pipes_to_user(descriptors.stdio, plan);
    context.channel = descriptors.channel.get();
    context.start = descriptors.start.get();
    context.born_placed = descriptors.placed;
    context.preserved = descriptors.preserved;
    context.keep_keyring = descriptors.keep_keyring;
    for (int i = 0; i < 3; ++i) context.stdio[i] = descriptors.stdio[i].get();
    Gate gate;
    context.has_opener = needs_opener(context);
    if (has_parents_part(context)) gate = TRY(make_gate(first_free));
    context.gate = gate.read.get();
    context.gate_release = gate.write.get();
    // A cgroup may be the container's root's, and who has joined a user namespace may not move between it and ours.
    const bool joins_users = joined_namespace(context, plan::NamespaceKind::user) >= 0;
    context.cgroup = joins_users ? descriptors.cgroup.get() : -1;
    SpawnOptions options{.parent = parent,
                         .cgroup = joins_users ? CgroupFd() : descriptors.cgroup,
                         .record_directory = descriptors.record_directory.get(),
                         .stack = {}};
    if (shares && is_direct(context, parent)) kept->stack = TRY(kernel::GuardedStack::make(kStackSize, kStackUsed));
    options.stack = kept->stack.bytes();
    const Visibility visibility(has_new_namespace(plan, plan::NamespaceKind::user) && ::geteuid() != 0);
    const BirthCpus birth(plan.process.first_cpus);
    TRY(birth.check());
    // Init may outlive us and still need it.
    if (!options.stack.empty()) static_cast<void>(kept.release());
    auto launched = TRY(spawn(context, options));
    if (gate.write) {
        const auto opened = open_gate(context, launched, gate.write.get());
        // Init finds its gate closed and exits; its supervisor sees that.
        static_cast<void>(opened);
    }
    return launched;
}

}  // namespace xctl::launch
