// SPDX-License-Identifier: LGPL-2.1-or-later
// process: credentials, limits, environment.
#include <algorithm>
#include <bit>
#include <format>
#include <ranges>
#include <set>
#include <utility>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/capabilities.hpp"
#include "lib/oci/id_list.hpp"
#include "lib/plan/compile_parts.hpp"
#include "lib/plan/environment.hpp"
#include "lib/plan/path.hpp"

namespace xctl::plan {
namespace {

constexpr unsigned kIoClassShift = 13;  // ioprio_set(2)

/// As crun has it, and podman asks for it by --group-add keep-groups.
constexpr const char* kKeepGroups = "run.oci.keep_original_groups";

bool asks_for(const oci::Spec& spec, const char* annotation) {
    const auto found = spec.annotations.find(annotation);
    return found != spec.annotations.end() && (found->second == "1" || found->second == "true");
}

/// Since 1.1 a capability that cannot be granted is a warning, so that one document serves several kernels.
std::uint64_t to_mask(const std::vector<std::string>& names, std::string_view set, Warnings& warnings) {
    std::uint64_t mask = 0;
    for (const auto& name : names) {
        if (const auto number = kernel::capability_number(name))
            mask |= std::uint64_t{1} << *number;
        else
            warnings.push_back(
                std::format("/process/capabilities/{}: this kernel has no {}", set, xctl::quoted(name)));
    }
    return mask;
}

/// The kernel refuses these as a whole for one bit too many.
void keep_grantable(std::uint64_t& mask, std::uint64_t grantable, std::string_view why, Warnings& warnings) {
    std::vector<std::string> lost;
    for (std::uint64_t rest = mask & ~grantable; rest != 0; rest &= rest - 1)
        lost.push_back(kernel::capability_name(static_cast<unsigned>(std::countr_zero(rest))));
    if (!lost.empty()) warnings.push_back(std::format("{}, so not granted: {}", why, join(lost, " ")));
    mask &= grantable;
}

/// Without the property a process has no capabilities, as under other runtimes.
Capabilities compile_capabilities(const std::optional<oci::Capabilities>& source, Warnings& warnings) {
    Capabilities out;
    if (!source) return out;
    out.bounding = to_mask(source->bounding, "bounding", warnings);
    out.effective = to_mask(source->effective, "effective", warnings);
    out.permitted = to_mask(source->permitted, "permitted", warnings);
    out.inheritable = to_mask(source->inheritable, "inheritable", warnings);
    out.ambient = to_mask(source->ambient, "ambient", warnings);
    keep_grantable(out.effective, out.permitted, "/process/capabilities/effective: not permitted too", warnings);
    keep_grantable(out.ambient, out.permitted & out.inheritable,
                   "/process/capabilities/ambient: not permitted and inheritable too", warnings);
    return out;
}

constexpr std::string_view kNoHome = "HOME=";  // is as good as none

/// Of two entries of one name the last counts, wherever a program begins to search. HOME is promised to every process.
/// Whoever makes the plan cannot read the container's passwd, so for a user that is not in it root has /root and
/// everyone else "/".
std::vector<std::string> compile_env(const oci::Process& process, bool& default_home) {
    std::vector<std::string> out;
    std::set<std::string_view> names;
    for (const auto& entry : process.env | std::views::reverse)
        if (names.insert(env_name(entry)).second) out.push_back(entry);
    std::ranges::reverse(out);
    std::erase(out, kNoHome);
    default_home = !std::ranges::contains(out, "HOME", env_name);
    if (default_home) out.push_back(process.user.uid == 0 ? "HOME=/root" : "HOME=/");
    return out;
}

template <class Rows>
auto flags_of(const Rows& rows, const std::vector<std::string>& names) {
    decltype(rows[0].value) flags = 0;
    for (const auto& name : names) flags |= *value_of(rows, name);
    return flags;
}

std::optional<Scheduler> compile_scheduler(const std::optional<oci::Scheduler>& source) {
    if (!source) return std::nullopt;
    return Scheduler{.policy = *value_of(oci::kSchedulerPolicyNames, source->policy),
                     .flags = flags_of(oci::kSchedulerFlagNames, source->flags),
                     .nice = source->nice,
                     .priority = static_cast<std::uint32_t>(source->priority),
                     .runtime = source->runtime,
                     .deadline = source->deadline,
                     .period = source->period};
}

std::optional<std::uint32_t> compile_io_priority(const std::optional<oci::IoPriority>& source) {
    if (!source) return std::nullopt;
    return *value_of(oci::kIoClassNames, source->io_class) << kIoClassShift |
           static_cast<std::uint32_t>(source->priority);
}

Result<> compile_linux(const oci::Linux& source, Process& out) {
    if (source.personality) out.personality = value_of(oci::kPersonalityNames, source.personality->domain);
    if (!source.memory_policy) return {};
    const auto& [mode, nodes, flags] = *source.memory_policy;
    auto ids = TRY(oci::parse_id_list(nodes), "/linux/memoryPolicy/nodes");
    out.memory_policy = MemoryPolicy{
        .mode = *value_of(oci::kMemoryPolicyModeNames, mode) | flags_of(oci::kMemoryPolicyFlagNames, flags),
        .nodes = std::move(ids)};
    return {};
}

}  // namespace

Result<> compile_affinity(const oci::Process& source, Process& out) {
    if (!source.exec_cpu_affinity) return {};
    out.first_cpus = TRY(oci::parse_id_list(source.exec_cpu_affinity->initial), "/process/execCPUAffinity/initial");
    out.cpus = TRY(oci::parse_id_list(source.exec_cpu_affinity->final), "/process/execCPUAffinity/final");
    return {};
}

Result<Process> compile_process(const Context& context) {
    if (!context.spec.process) return fail(Errc::invalid_document, "/process: is required to start a container");
    const auto& source = *context.spec.process;
    Process out;
    out.terminal = source.terminal;
    if (source.terminal && source.console_size) {
        out.rows = source.console_size->height;
        out.columns = source.console_size->width;
    }
    out.args = source.args;
    out.env = compile_env(source, out.default_home);
    out.cwd = normalized("/", source.cwd);
    out.uid = source.user.uid;
    out.gid = source.user.gid;
    out.groups = source.user.additional_gids;
    out.keep_groups = asks_for(context.spec, kKeepGroups);
    out.umask = source.user.umask;
    for (const auto& limit : source.rlimits)
        out.rlimits.push_back({static_cast<std::uint32_t>(limit.type), limit.soft, limit.hard});
    out.capabilities = compile_capabilities(source.capabilities, context.warnings);
    out.no_new_privileges = source.no_new_privileges;
    out.oom_score_adj = source.oom_score_adj;
    // Our own processes are not confined either, so that this word asks for nothing.
    if (source.apparmor_profile != "unconfined") out.apparmor_profile = source.apparmor_profile;
    out.selinux_label = source.selinux_label;
    out.scheduler = compile_scheduler(source.scheduler);
    out.io_priority = compile_io_priority(source.io_priority);
    TRY(compile_linux(context.spec.linux_config, out));
    if (context.spec.linux_config.seccomp) out.seccomp = TRY(compile_seccomp(context));
    return out;
}

}  // namespace xctl::plan
