// SPDX-License-Identifier: LGPL-2.1-or-later
// Steps that make the process what the plan says, up to exec.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdint>

#include "lib/kernel/root_path.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr int kLastSignal = 64;
constexpr std::size_t kSignalSetSize = 8;
constexpr int kCapabilityLimit = 64;
constexpr mode_t kDefaultUmask = 0022;

/// struct sigaction as the kernel has it on every architecture that we know; zero means SIG_DFL.
struct KernelSigaction {
    unsigned long fields[4] = {};
};

constexpr int kEndingSignals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
constexpr int kExitSignaled = 128;
constexpr unsigned long kHasRestorer = 0x04000000;  // SA_RESTORER, without which x86 refuses to call a handler

[[noreturn]] void end_by_signal(int signal) {
    while (true) raw::call<SYS_exit_group>(kExitSignaled + signal);
}

struct CapabilitySets {
    std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};

int read_capabilities(CapabilitySets* sets) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2]{};
    const int result = raw::call<SYS_capget>(&header, data);
    const auto join = [](std::uint32_t low, std::uint32_t high) { return std::uint64_t{high} << 32 | low; };
    sets->effective = join(data[0].effective, data[1].effective);
    sets->permitted = join(data[0].permitted, data[1].permitted);
    sets->inheritable = join(data[0].inheritable, data[1].inheritable);
    return result;
}

int write_capabilities(const CapabilitySets& sets) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2]{};
    for (int half = 0; half < 2; ++half) {
        data[half].effective = static_cast<std::uint32_t>(sets.effective >> (32 * half));
        data[half].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * half));
        data[half].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * half));
    }
    return raw::call<SYS_capset>(&header, data);
}

int raise_ambient(std::uint64_t set) {
    if (const int result = raw::call<SYS_prctl>(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); result < 0)
        return result;
    for (int number = 0; number < kCapabilityLimit; ++number) {
        if ((set >> number & 1) == 0) continue;
        const int result = raw::call<SYS_prctl>(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0);
        if (result < 0) return result;
    }
    return 0;
}

/// A regular file that we may execute.
int check_executable(const char* path) {
    struct stat info{};
    if (const int result = raw::call<SYS_newfstatat>(AT_FDCWD, path, &info, 0); result < 0) return result;
    if (!S_ISREG(info.st_mode)) return raw::failure(EACCES);
    return raw::call<SYS_faccessat2>(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/// The kernel says "(unreachable)" for a directory outside our root.
int check_inside_root() {
    char path[PATH_MAX];
    const int size = raw::call<SYS_getcwd>(path, sizeof path);
    if (size < 0) return size;
    return path[0] == '/' ? 0 : raw::failure(EXDEV);
}

int close_between(unsigned first, unsigned end) {
    return first < end ? raw::call<SYS_close_range>(first, end - 1, 0) : 0;
}

int connect_stream(int fd, int stream) {
    if (fd < 0) return 0;
    if (fd == stream) return raw::call<SYS_fcntl>(fd, F_SETFD, 0);
    const int result = raw::call<SYS_dup3>(fd, stream, 0);
    return result < 0 ? result : 0;
}

}  // namespace

int set_rlimits(Context& context) {
    const auto& rows = context.plan->process.rlimits;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        context.index = static_cast<int>(i);
        const std::uint64_t limit[2] = {rows[i].soft, rows[i].hard};
        if (const int result = raw::call<SYS_prlimit64>(0, rows[i].resource, limit, nullptr); result < 0)
            return result;
    }
    return 0;
}

/// A new container gets the directory that its document names; a running one has those that it has.
int enter_directory(Context& context) {
    const char* const path = context.plan->process.cwd.c_str();
    const raw::Fd directory(context.plan->enters
                                ? raw::open_in_root(context.root, path, O_PATH | O_DIRECTORY)
                                : raw::make_in_root(context.root, path, raw::NodeType::directory, 0755));
    if (directory.failed()) return directory.get();
    if (const int result = raw::call<SYS_fchdir>(directory.get()); result < 0) return result;
    return check_inside_root();
}

int connect_streams(Context& context) {
    const bool terminal = context.plan->process.terminal;
    for (int stream = 0; stream < 3; ++stream) {
        const int fd = terminal ? context.terminal : context.stdio[stream];
        if (const int result = connect_stream(fd, stream); result < 0) return result;
    }
    return terminal ? raw::call<SYS_ioctl>(0, TIOCSCTTY, 0) : 0;
}

/// As execvp(3): a file that may not be executed is remembered, and the search goes on.
int find_executable(Context& context) {
    // Nothing that could be started; whoever launched us knows.
    if (context.plan->process.args.empty()) return 0;
    int answer = raw::failure(ENOENT);
    for (const auto& candidate : context.executables) {
        const int result = check_executable(candidate.c_str());
        if (result >= 0) {
            context.executable = candidate.c_str();
            return 0;
        }
        const int error = raw::errno_of(result);
        if (error != ENOENT && error != ENOTDIR) answer = result;
    }
    return answer;
}

/// Keys of the host's session must not be within the container's reach. Some kernels and sandboxes have no keyrings.
int join_new_keyring(Context& context) {
    if (context.keep_keyring) return 0;
    const int result = raw::call<SYS_keyctl>(KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    const int error = raw::errno_of(result);
    return result >= 0 || error == ENOSYS || error == EPERM ? 0 : result;
}

/// Ignored signals and the mask survive exec. SIGKILL and SIGSTOP answer EINVAL.
int reset_signals(Context&) {
    const KernelSigaction by_default;
    for (int signal = 1; signal <= kLastSignal; ++signal)
        raw::call<SYS_rt_sigaction>(signal, &by_default, nullptr, kSignalSetSize);
    const std::uint64_t none = 0;
    return raw::call<SYS_rt_sigprocmask>(SIG_SETMASK, &none, nullptr, kSignalSetSize);
}

int end_on_signals() {
    const auto handler = reinterpret_cast<unsigned long>(&end_by_signal);
    // It does not return, so that nothing is ever restored.
    const KernelSigaction action{{handler, kHasRestorer, handler, 0}};
    for (const int signal : kEndingSignals)
        if (const int result = raw::call<SYS_rt_sigaction>(signal, &action, nullptr, kSignalSetSize); result < 0)
            return result;
    return 0;
}

/// All but the streams, what the program shall have beside them, and what the steps after this one need: sockets, and the
/// labels' files. None of ours is among what the program shall have, which launch() has checked.
int close_others(Context& context) {
    const auto first = static_cast<unsigned>(3 + context.preserved);
    int kept[] = {context.channel, context.start, context.listener, context.profile_file, context.label_file};
    std::ranges::sort(kept);
    unsigned low = first;
    for (const int fd : kept) {
        if (fd < 0) continue;
        if (const int result = close_between(low, static_cast<unsigned>(fd)); result < 0) return result;
        low = static_cast<unsigned>(fd) + 1;
    }
    return raw::call<SYS_close_range>(low, ~0U, 0);
}

/// That of whoever launches is nothing of the container's.
int set_umask(Context& context) {
    raw::call<SYS_umask>(context.plan->process.umask.value_or(kDefaultUmask));
    return 0;
}

int set_no_new_privileges(Context& context) {
    if (!context.plan->process.no_new_privileges) return 0;
    return raw::call<SYS_prctl>(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int drop_bounding_set(Context& context) {
    const auto& wanted = context.plan->process.capabilities;
    if (!wanted) return 0;
    for (int number = 0; number < kCapabilityLimit; ++number) {
        if ((wanted->bounding >> number & 1) != 0) continue;
        const int result = raw::call<SYS_prctl>(PR_CAPBSET_DROP, number, 0, 0, 0);
        // The kernel's last capability has been passed.
        if (raw::errno_of(result) == EINVAL) return 0;
        if (result < 0) return result;
    }
    return 0;
}

int set_ids(Context& context) {
    const auto& process = context.plan->process;
    if (process.capabilities)
        if (const int result = raw::call<SYS_prctl>(PR_SET_KEEPCAPS, 1, 0, 0, 0); result < 0) return result;
    const int groups =
        process.keep_groups ? 0 : raw::call<SYS_setgroups>(process.groups.size(), process.groups.data());
    // A user namespace made without privileges has given setgroups up, and has no groups to drop.
    const bool given_up = raw::errno_of(groups) == EPERM && context.in_user_namespace && process.groups.empty();
    if (groups < 0 && !given_up) return groups;
    if (const int result = raw::call<SYS_setresgid>(process.gid, process.gid, process.gid); result < 0) return result;
    return raw::call<SYS_setresuid>(process.uid, process.uid, process.uid);
}

/// What the host does not have cannot be given: the sets are what the plan wants of it.
int set_capabilities(Context& context) {
    const auto& wanted = context.plan->process.capabilities;
    if (!wanted) return 0;
    CapabilitySets have;
    if (const int result = read_capabilities(&have); result < 0) return result;
    CapabilitySets sets;
    sets.permitted = wanted->permitted & have.permitted;
    sets.effective = wanted->effective & sets.permitted;
    sets.inheritable = wanted->inheritable & wanted->bounding & (have.permitted | have.inheritable);
    if (const int result = write_capabilities(sets); result < 0) return result;
    return raise_ambient(wanted->ambient & sets.permitted & sets.inheritable);
}

int execute(Context& context) {
    return raw::call<SYS_execve>(context.executable, context.args.data(), context.env.data());
}

}  // namespace xctl::launch
