// SPDX-License-Identifier: LGPL-2.1-or-later
// Steps that set how the program is confined, scheduled and served: labels, priorities, memory, CPUs.
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched/types.h>

#include <array>

#include "lib/kernel/raw.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr std::size_t kAllCpus = 128;  // times 64 bits: more than any kernel has
constexpr unsigned long kBits = 64;

/// The files that a security module reads the label of the next program from, by preference.
constexpr std::array kAppArmorFiles{"self/attr/apparmor/exec", "self/attr/exec"};
constexpr std::array kSelinuxFiles{"self/attr/exec"};

/// Through the host's /proc, which no image had a hand in. The kernel wants who writes to be who opened it, with the
/// very same credentials.
template <std::size_t Count>
int open_label(Context& context, const std::array<const char*, Count>& files) {
    int file = raw::failure(ENOENT);
    for (const char* path : files) {
        file = raw::call<SYS_openat>(context.proc, path, O_WRONLY | O_CLOEXEC);
        if (raw::errno_of(file) != ENOENT) break;
    }
    return file;
}

int write_label(int* file, const std::string& text) {
    if (*file < 0) return 0;
    const int written = raw::call<SYS_write>(*file, text.c_str(), text.size());
    raw::close(*file);
    *file = -1;
    return written < 0 ? written : 0;
}

}  // namespace

int open_profile_file(Context& context) {
    if (context.profile.empty()) return 0;
    context.profile_file = open_label(context, kAppArmorFiles);
    return context.profile_file < 0 ? context.profile_file : 0;
}

int open_label_file(Context& context) {
    if (context.label.empty()) return 0;
    context.label_file = open_label(context, kSelinuxFiles);
    return context.label_file < 0 ? context.label_file : 0;
}

int write_profile(Context& context) { return write_label(&context.profile_file, context.profile); }

int write_selinux_label(Context& context) { return write_label(&context.label_file, context.label); }

/// Unless it is told where to run, the program runs wherever its cgroup may: not where our caller happened to.
int set_cpus(Context& context) {
    const auto& process = context.plan->process;
    if (process.cpus.empty() && !process.first_cpus.empty()) return 0;
    std::array<std::uint64_t, kAllCpus> all{};
    all.fill(~std::uint64_t{0});
    const auto* cpus = process.cpus.empty() ? all.data() : process.cpus.data();
    const auto count = process.cpus.empty() ? all.size() : process.cpus.size();
    const int result = raw::call<SYS_sched_setaffinity>(0, count * sizeof *cpus, cpus);
    return result < 0 ? result : 0;
}

int set_scheduler(Context& context) {
    const auto& wanted = context.plan->process.scheduler;
    if (!wanted) return 0;
    sched_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.sched_policy = wanted->policy;
    attributes.sched_flags = wanted->flags;
    attributes.sched_nice = wanted->nice;
    attributes.sched_priority = wanted->priority;
    attributes.sched_runtime = wanted->runtime;
    attributes.sched_deadline = wanted->deadline;
    attributes.sched_period = wanted->period;
    return raw::call<SYS_sched_setattr>(0, &attributes, 0);
}

int set_io_priority(Context& context) {
    const auto& priority = context.plan->process.io_priority;
    return priority ? raw::call<SYS_ioprio_set>(IOPRIO_WHO_PGRP, 0, *priority) : 0;
}

int set_memory_policy(Context& context) {
    const auto& policy = context.plan->process.memory_policy;
    if (!policy) return 0;
    const auto* nodes = policy->nodes.empty() ? nullptr : policy->nodes.data();
    // The kernel takes one bit off the size.
    const unsigned long size = policy->nodes.empty() ? 0 : policy->nodes.size() * kBits + 1;
    return raw::call<SYS_set_mempolicy>(policy->mode, nodes, size);
}

int set_personality(Context& context) {
    const auto& personality = context.plan->process.personality;
    if (!personality) return 0;
    // The call returns what it was before.
    const int result = raw::call<SYS_personality>(*personality);
    return result < 0 ? result : 0;
}

}  // namespace xctl::launch
