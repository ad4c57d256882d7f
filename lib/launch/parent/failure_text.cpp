// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/failure_text.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <optional>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"
#include "lib/launch/hooks.hpp"
#include "lib/plan/value_names.hpp"

namespace xctl::launch {
namespace {

using plan::LaunchPlan;
using plan::Mount;
using plan::MountKind;

/// Those that a step's own name does not tell already.
constexpr std::array<Named<int>, 40> kCalls{{
    {"openat", SYS_openat},
    {"openat2", SYS_openat2},
    {"read", SYS_read},
    {"write", SYS_write},
    {"fstat", SYS_fstat},
    {"fstatfs", SYS_fstatfs},
    {"statx", SYS_statx},
    {"newfstatat", SYS_newfstatat},
    {"faccessat2", SYS_faccessat2},
    {"mkdirat", SYS_mkdirat},
    {"mknodat", SYS_mknodat},
    {"symlinkat", SYS_symlinkat},
    {"unlinkat", SYS_unlinkat},
    {"readlinkat", SYS_readlinkat},
    {"fchownat", SYS_fchownat},
    {"fchmodat", SYS_fchmodat},
    {"getdents64", SYS_getdents64},
    {"sendfile", SYS_sendfile},
    {"fsopen", SYS_fsopen},
    {"fsconfig", SYS_fsconfig},
    {"fsmount", SYS_fsmount},
    {"open_tree", SYS_open_tree},
    {"move_mount", SYS_move_mount},
    {"mount_setattr", SYS_mount_setattr},
    {"mount", SYS_mount},
    {"umount2", SYS_umount2},
    {"pivot_root", SYS_pivot_root},
    {"chroot", SYS_chroot},
    {"fchdir", SYS_fchdir},
    {"setns", SYS_setns},
    {"unshare", SYS_unshare},
    {"ioctl", SYS_ioctl},
    {"prctl", SYS_prctl},
    {"capset", SYS_capset},
    {"setgroups", SYS_setgroups},
    {"setresgid", SYS_setresgid},
    {"setresuid", SYS_setresuid},
    {"prlimit64", SYS_prlimit64},
    {"seccomp", SYS_seccomp},
    {"sendmsg", SYS_sendmsg},
}};
static_assert(names_are_unique(kCalls));

std::string describe_mount(const Mount& mount) {
    switch (mount.kind) {
        case MountKind::bind: return mount.target + " (bind from " + mount.source + ")";
        case MountKind::cgroup: return mount.target + " (cgroup)";
        case MountKind::filesystem: return mount.target + " (" + mount.fstype + ")";
        case MountKind::change: return mount.target + " (remount)";
    }
    return mount.target;
}

template <class Rows, class Function>
Subject row_of(const Rows& rows, int index, Function&& describe) {
    if (index < 0 || static_cast<std::size_t>(index) >= rows.size()) return {};
    return describe(rows[static_cast<std::size_t>(index)]);
}

Subject plain(const std::string& path) { return {path, path}; }

/// The values that the kernel was asked for: it does not say which of them it refuses.
std::string describe_scheduler(const std::optional<plan::Scheduler>& scheduler) {
    if (!scheduler) return {};
    std::string text(plan::name_of_policy(*scheduler));
    const auto add = [&](std::string_view name, auto value) {
        if (value != 0) text += " " + std::string(name) + "=" + std::to_string(value);
    };
    add("nice", scheduler->nice);
    add("priority", scheduler->priority);
    add("flags", scheduler->flags);
    add("runtime", scheduler->runtime);
    add("deadline", scheduler->deadline);
    add("period", scheduler->period);
    return text;
}

/// A step without a list may still work on one well-known path.
std::string path_of_step(std::string_view step, const LaunchPlan& plan) {
    if (step == "root" || step == "new root" || step == "read-only root" || step == "open source")
        return plan.root.path;
    if (step == "working directory") return plan.process.cwd;
    if (step == "console") return "/dev/console";
    if (step == "null device") return "/dev/null";
    if (step == "AppArmor profile") return plan.process.apparmor_profile;
    if (step == "SELinux label") return plan.process.selinux_label;
    if (step == "seccomp" || step == "seccomp filter") return plan.process.seccomp.listener;
    return {};
}

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// Container engines look for these very words, and choose their exit status by them.
std::string describe_exec(const Message& failed, const std::string& program) {
    // The file is there; what it names in its first line is not.
    if (failed.error == ENOENT && failed.step == step_number("exec"))
        return "exec " + program + ": no such file or directory";
    const bool searched = !program.contains('/');
    std::string text = "exec: " + xctl::quoted(program) + ": ";
    if (failed.error == ENOENT && searched) return text + "executable file not found in $PATH";
    if (failed.error == ENOENT) return text + "stat " + program + ": no such file or directory";
    return text + lower_case(errno_text(failed.error));
}

static_assert(kMaxCopyDepth == 256, "the hint below says so");

/// What the bare errno does not tell.
std::string_view hint_for(const Message& failed, const LaunchPlan& plan) {
    const auto list = kSteps[failed.step].list;
    if (kSteps[failed.step].name == "scheduler" && failed.error == EPERM)
        return " (a process scheduler can't be used together with AllowedCPUs)";
    if (kSteps[failed.step].name == "resctrl" && failed.error == ENODEV) return " (none is mounted at /sys/fs/resctrl)";
    const auto& mounts = plan.root.mounts;
    if (list != List::mounts || failed.index < 0 ||
        static_cast<std::size_t>(failed.index) >= mounts.size())
        return {};
    const auto& mount = mounts[static_cast<std::size_t>(failed.index)];
    if (mount.kind == MountKind::change && failed.error == EINVAL && failed.call == 0)
        return " (nothing is mounted there, so there is nothing to remount)";
    if (mount.fstype == "sysfs" && failed.error == EPERM)
        return " (in a user namespace, sysfs needs a new network namespace, or a sysfs at the host's /sys)";
    if (mount.copy_up && failed.error == ENAMETOOLONG && failed.call == 0)
        return " (tmpcopyup copies directories that are nested up to 256 deep)";
    if (failed.error == ELOOP || failed.error == ENOTDIR)
        return " (it must be mounted on ordinary directory, not on a symbolic link)";
    return {};
}

/// "killed". Real-time signals have no description, and a number that the init sends need not be a signal.
std::string describe_signal(int number) {
    const char* const text = ::sigdescr_np(number);
    return text != nullptr ? lower_case(text) : "signal " + std::to_string(number);
}

std::string describe_hook(const Message& failed, const Subject& subject, std::string_view kind) {
    auto why = errno_text(failed.error);
    if (failed.error == ECANCELED) {
        const bool signaled = (failed.call & kHookSignaled) != 0;
        const int number = failed.call & ~kHookSignaled;
        why = signaled ? "signal: " + describe_signal(number) : "exit status " + std::to_string(number);
    }
    return hook_failure(kind, static_cast<std::size_t>(failed.index)) + ": " + subject.words + ": " + why;
}

std::string describe_step(const Message& failed, const Subject& subject, const LaunchPlan& plan) {
    const auto list = kSteps[failed.step].list;
    if (list == List::create_hooks && failed.index >= 0) return describe_hook(failed, subject, "createContainer");
    if (list == List::start_hooks && failed.index >= 0) return describe_hook(failed, subject, "startContainer");
    std::string text(kSteps[failed.step].name);
    if (!subject.words.empty()) text += " " + subject.words;
    if (const auto call = name_of_call(failed.call); !call.empty()) text += ": " + std::string(call);
    return text + ": " + errno_text(failed.error) + std::string(hint_for(failed, plan));
}

bool is_about_program(std::string_view step) { return step == "exec" || step == "executable"; }

}  // namespace

Subject subject_of(List list, int index, const LaunchPlan& plan) {
    const auto& root = plan.root;
    switch (list) {
        case List::none: return {};
        case List::namespaces: return row_of(plan.namespaces, index, [](auto& row) { return plain(row.path); });
        case List::mounts:
            return row_of(root.mounts, index, [](auto& row) { return Subject{row.target, describe_mount(row)}; });
        case List::devices: return row_of(root.devices, index, [](auto& row) { return plain(row.path); });
        case List::links: return row_of(root.links, index, [](auto& row) { return plain(row.path); });
        case List::masked_paths: return row_of(root.masked_paths, index, plain);
        case List::read_only_paths: return row_of(root.read_only_paths, index, plain);
        case List::sysctls:
            return row_of(plan.sysctls, index,
                          [](auto& row) { return Subject{"/proc/sys/" + row.file, row.file + " = " + row.value}; });
        case List::create_hooks:
            return row_of(plan.hooks.create_container, index, [](auto& row) { return plain(row.path); });
        case List::start_hooks:
            return row_of(plan.hooks.start_container, index, [](auto& row) { return plain(row.path); });
        case List::net_devices: return row_of(plan.net_devices, index, [](auto& row) { return plain(row.name); });
        case List::rlimits:
            return row_of(plan.process.rlimits, index,
                          [](auto& row) { return Subject{{}, std::string(plan::name_of_resource(row))}; });
    }
    return {};
}

std::string_view name_of_call(int number) { return number == 0 ? std::string_view() : name_of(kCalls, number); }

Error describe_failure(const Message& failed, const LaunchPlan& plan) {
    Error error{.code = Errc::launch_failed, .sys_errno = failed.error, .message = {}, .step = {}, .path = {}};
    if (failed.step >= kSteps.size()) {
        error.message = "the launch failed: " + errno_text(failed.error);
        return error;
    }
    const auto& step = kSteps[failed.step];
    error.step = step.name;
    if (is_about_program(step.name)) {
        error.path = plan.process.args.empty() ? std::string() : plan.process.args.front();
        error.message = describe_exec(failed, error.path);
        return error;
    }
    auto subject = subject_of(step.list, failed.index, plan);
    if (subject.words.empty()) subject = plain(path_of_step(step.name, plan));
    if (step.name == "scheduler") subject.words = describe_scheduler(plan.process.scheduler);
    error.path = subject.path;
    error.message = describe_step(failed, subject, plan);
    return error;
}

}  // namespace xctl::launch
