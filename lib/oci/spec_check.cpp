// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules for the top level, the process, the mounts and the hooks.
#include "lib/oci/spec_check.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "lib/base/text.hpp"
#include "lib/oci/check.hpp"
#include "lib/oci/id_list.hpp"
#include "lib/oci/mount_options.hpp"

namespace xctl::oci {
namespace {

constexpr std::uint32_t kMaxUmask = 0777;
constexpr std::int32_t kOomScoreLimit = 1000;  // proc(5)
constexpr std::size_t kMaxHostname = 64;       // uname(2)

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
           (text.size() == 1 || text[0] != '0');
}

bool is_suffix(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.';
    });
}

/// Semantic Versioning 2.0.0: MAJOR.MINOR.PATCH, then "-pre-release" and "+build".
bool is_semantic_version(std::string_view text) {
    if (const auto plus = text.find('+'); plus != std::string_view::npos) {
        if (!is_suffix(text.substr(plus + 1))) return false;
        text = text.substr(0, plus);
    }
    if (const auto dash = text.find('-'); dash != std::string_view::npos) {
        if (!is_suffix(text.substr(dash + 1))) return false;
        text = text.substr(0, dash);
    }
    const auto numbers = split(text, '.');
    return numbers.size() == 3 && std::ranges::all_of(numbers, is_number);
}

Result<> check_version(std::string_view version) {
    if (!is_semantic_version(version)) return broken("/ociVersion", "must be a semantic version like 1.2.0");
    if (!version.starts_with("1."))
        return broken("/ociVersion", std::format("{} is not supported: must be 1.x", version));
    return {};
}

Result<> check_rlimits(const std::vector<Rlimit>& rlimits) {
    std::set<int> seen;
    for (std::size_t i = 0; i < rlimits.size(); ++i) {
        const auto pointer = std::format("/process/rlimits/{}", i);
        if (!seen.insert(rlimits[i].type).second) return broken(pointer + "/type", "must not be given twice");
        if (rlimits[i].soft > rlimits[i].hard)
            return broken(pointer + "/soft", "must not be above the hard limit");
    }
    return {};
}

Result<> check_env(const std::vector<std::string>& env) {
    for (std::size_t i = 0; i < env.size(); ++i)
        if (const auto at = env[i].find('='); at == std::string::npos || at == 0)
            return broken(std::format("/process/env/{}", i), "must be NAME=value");
    return {};
}

/// What the kernel would refuse without a word about the member, sched(7).
Result<> check_deadline(const Scheduler& scheduler) {
    constexpr std::uint64_t kMinRuntime = 1024, kMax = std::numeric_limits<std::int64_t>::max();
    const auto period = scheduler.period != 0 ? scheduler.period : scheduler.deadline;
    if (scheduler.runtime < kMinRuntime)
        return broken("/process/scheduler/runtime", "must be at least 1024 (nanoseconds) with SCHED_DEADLINE");
    if (scheduler.deadline < scheduler.runtime)
        return broken("/process/scheduler/deadline", "must not be less than the runtime");
    if (period < scheduler.deadline)
        return broken("/process/scheduler/period", "must not be less than the deadline");
    if (period > kMax) return broken("/process/scheduler/period", "must not be above 2^63 - 1 (nanoseconds)");
    return {};
}

Result<> check_scheduler(const Scheduler& scheduler) {
    const std::string_view policy = scheduler.policy;
    if (find_row(kSchedulerPolicyNames, policy) == nullptr)
        return broken("/process/scheduler/policy", "is not a scheduling policy");
    for (std::size_t i = 0; i < scheduler.flags.size(); ++i)
        if (find_row(kSchedulerFlagNames, scheduler.flags[i]) == nullptr)
            return broken(std::format("/process/scheduler/flags/{}", i), "is not a flag of a scheduler");
    const bool fair = policy == "SCHED_OTHER" || policy == "SCHED_BATCH";
    if (fair && (scheduler.nice < -20 || scheduler.nice > 19))
        return broken("/process/scheduler/nice", "must be a whole number from -20 to 19");
    if (scheduler.priority < 0 || (scheduler.priority != 0 && policy != "SCHED_FIFO" && policy != "SCHED_RR"))
        return broken("/process/scheduler/priority", "is for SCHED_FIFO and SCHED_RR, and not negative");
    const bool realtime = policy == "SCHED_FIFO" || policy == "SCHED_RR";
    if (realtime && (scheduler.priority < 1 || scheduler.priority > 99))
        return broken("/process/scheduler/priority", "must be from 1 to 99 with SCHED_FIFO and SCHED_RR");
    if (policy == "SCHED_DEADLINE") TRY(check_deadline(scheduler));
    if (policy != "SCHED_DEADLINE" && (scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0))
        return broken("/process/scheduler", "runtime, deadline and period are for SCHED_DEADLINE");
    return {};
}

Result<> check_affinity(const ExecCpuAffinity& affinity) {
    if (!parse_id_list(affinity.initial))
        return broken("/process/execCPUAffinity/initial", "must be a list like 0-3,5");
    if (!parse_id_list(affinity.final)) return broken("/process/execCPUAffinity/final", "must be a list like 0-3,5");
    return {};
}

Result<> check_priorities(const Process& process) {
    if (process.scheduler) TRY(check_scheduler(*process.scheduler));
    if (process.exec_cpu_affinity) TRY(check_affinity(*process.exec_cpu_affinity));
    if (!process.io_priority) return {};
    if (find_row(kIoClassNames, process.io_priority->io_class) == nullptr)
        return broken("/process/ioPriority/class", "is not an I/O scheduling class");
    if (process.io_priority->priority < 0 || process.io_priority->priority > 7)
        return broken("/process/ioPriority/priority", "must be a whole number from 0 to 7");
    return {};
}

bool is_bind(const Mount& mount) {
    return mount.type == "bind" || std::ranges::any_of(mount.options, [](const std::string& word) {
               return has_effect(word, MountEffect::bind) || has_effect(word, MountEffect::recursive_bind);
           });
}

Result<> check_mount(const Mount& mount, const std::string& pointer) {
    if (mount.destination.empty()) return broken(pointer + "/destination", "must not be empty");
    if (is_bind(mount) && mount.source.empty()) return broken(pointer + "/source", "is required for a bind mount");
    if (!is_bind(mount) && (mount.type.empty() || mount.type == "none"))
        return broken(pointer + "/type", "is required unless the options hold bind or rbind");
    if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
        return broken(pointer + (mount.uid_mappings.empty() ? "/uidMappings" : "/gidMappings"),
                      "uidMappings and gidMappings must be given together");
    TRY(check_mappings(mount.uid_mappings, pointer + "/uidMappings"));
    return check_mappings(mount.gid_mappings, pointer + "/gidMappings");
}

Result<> check_hook_list(const std::vector<Hook>& hooks, std::string_view name) {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        const auto pointer = std::format("/hooks/{}/{}", name, i);
        TRY(check_absolute(hooks[i].path, pointer + "/path"));
        if (hooks[i].timeout && *hooks[i].timeout <= 0) return broken(pointer + "/timeout", "must be above zero");
    }
    return {};
}

Result<> check_hooks(const Hooks& hooks) {
    TRY(check_hook_list(hooks.prestart, "prestart"));
    TRY(check_hook_list(hooks.create_runtime, "createRuntime"));
    TRY(check_hook_list(hooks.create_container, "createContainer"));
    TRY(check_hook_list(hooks.start_container, "startContainer"));
    TRY(check_hook_list(hooks.poststart, "poststart"));
    return check_hook_list(hooks.poststop, "poststop");
}

Result<> check_host_name(const Spec& spec, std::string_view name, std::string_view pointer) {
    if (name.empty()) return {};
    if (name.size() > kMaxHostname)
        return broken(pointer, std::format("must not be longer than {} bytes", kMaxHostname));
    if (find_namespace(spec, NamespaceType::uts) == nullptr) return broken(pointer, "needs a uts namespace");
    return {};
}

}  // namespace

Result<> check_process(const Process& process) {
    if (process.args.empty()) return broken("/process/args", "must be an array of at least one string");
    if (process.args[0].empty()) return broken("/process/args/0", "must not be empty");
    TRY(check_absolute(process.cwd, "/process/cwd"));
    TRY(check_env(process.env));
    TRY(check_rlimits(process.rlimits));
    if (process.user.umask.value_or(0) > kMaxUmask)
        return broken("/process/user/umask", "must not be above 511 (0777)");
    if (const auto score = process.oom_score_adj.value_or(0); score < -kOomScoreLimit || score > kOomScoreLimit)
        return broken("/process/oomScoreAdj", "must be a whole number from -1000 to 1000");
    return check_priorities(process);
}

Result<> check_spec(const Spec& spec) {
    TRY(check_version(spec.oci_version));
    if (spec.root.path.empty()) return broken("/root/path", "must not be empty");
    if (spec.process) TRY(check_process(*spec.process));
    for (std::size_t i = 0; i < spec.mounts.size(); ++i)
        TRY(check_mount(spec.mounts[i], std::format("/mounts/{}", i)));
    TRY(check_hooks(spec.hooks));
    if (spec.annotations.contains("")) return broken("/annotations", "must not have an empty key");
    TRY(check_host_name(spec, spec.hostname, "/hostname"));
    TRY(check_host_name(spec, spec.domainname, "/domainname"));
    return check_linux(spec);
}

}  // namespace xctl::oci
