// SPDX-License-Identifier: LGPL-2.1-or-later
// The order of compilation, the overrides, and what belongs to no other part.
#include "lib/plan/compile.hpp"

#include <algorithm>
#include <format>
#include <iterator>
#include <set>

#include "lib/oci/spec_check.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/oci/unsupported.hpp"
#include "lib/plan/compile_parts.hpp"
#include "lib/plan/environment.hpp"
#include "lib/plan/path.hpp"

namespace xctl::plan {
namespace {

// The kinds of the plan are the types of the specification, in the same order.
static_assert(static_cast<int>(NamespaceKind::user) == static_cast<int>(oci::NamespaceType::user));
static_assert(static_cast<int>(NamespaceKind::pid) == static_cast<int>(oci::NamespaceType::pid));
static_assert(static_cast<int>(NamespaceKind::network) == static_cast<int>(oci::NamespaceType::network));
static_assert(static_cast<int>(NamespaceKind::mount) == static_cast<int>(oci::NamespaceType::mount));
static_assert(static_cast<int>(NamespaceKind::ipc) == static_cast<int>(oci::NamespaceType::ipc));
static_assert(static_cast<int>(NamespaceKind::uts) == static_cast<int>(oci::NamespaceType::uts));
static_assert(static_cast<int>(NamespaceKind::cgroup) == static_cast<int>(oci::NamespaceType::cgroup));
static_assert(static_cast<int>(NamespaceKind::time) == static_cast<int>(oci::NamespaceType::time));

void apply(const Overrides& overrides, oci::Spec& spec) {
    if (!overrides.hostname.empty()) spec.hostname = overrides.hostname;
    std::ranges::copy(overrides.mounts, std::back_inserter(spec.mounts));
    std::ranges::copy(overrides.devices, std::back_inserter(spec.linux_config.devices));
    // Without any rule every device may be used.
    if (auto& rules = spec.linux_config.resources.devices; !rules.empty())
        std::ranges::copy(overrides.device_rules, std::back_inserter(rules));
    if (!spec.process && overrides.args.empty()) return;
    if (!spec.process) spec.process.emplace().cwd = "/";
    auto& process = *spec.process;
    if (!overrides.args.empty()) process.args = overrides.args;
    if (!overrides.cwd.empty()) process.cwd = overrides.cwd;
    for (const auto& entry : overrides.env) set_env(process.env, entry);
    process.terminal = overrides.terminal.value_or(process.terminal);
}

/// What a definition adds to the document may be taken out of the running container again. These rows are the last.
void report_additions(const Overrides& overrides, Root& root) {
    const auto mark = [](auto& rows, std::size_t count) {
        for (auto row = rows.end() - static_cast<std::ptrdiff_t>(count); row != rows.end(); ++row) row->reported = true;
    };
    mark(root.mounts, overrides.mounts.size());
    mark(root.devices, overrides.devices.size());
}

std::vector<Namespace> compile_namespaces(const oci::Spec& spec) {
    std::vector<Namespace> out;
    for (const auto& entry : spec.linux_config.namespaces)
        out.push_back({static_cast<NamespaceKind>(entry.type), entry.path});
    return out;
}

std::vector<TimeOffset> compile_time_offsets(const oci::Spec& spec) {
    std::vector<TimeOffset> out;
    for (const auto& [clock, offset] : spec.linux_config.time_offsets)
        out.push_back({clock == "boottime", offset.secs, offset.nanosecs});
    return out;
}

std::vector<FileWrite> compile_sysctls(const oci::Spec& spec) {
    std::vector<FileWrite> out;
    for (const auto& [name, value] : spec.linux_config.sysctl)
        out.push_back({oci::sysctl_file(name), value, "/linux/sysctl/" + name});
    return out;
}

/// Each once: who reads the container's mounts shall not find two where one is meant.
std::vector<std::string> normalized_paths(const std::vector<std::string>& paths) {
    std::vector<std::string> out;
    std::set<std::string> seen;
    for (const auto& path : paths)
        if (const auto& [added, is_new] = seen.insert(normalized("/", path)); is_new) out.push_back(*added);
    return out;
}

Result<Root> compile_root(const Context& context) {
    const auto& spec = context.spec;
    Root root;
    root.path = normalized(context.bundle, spec.root.path);
    root.read_only = spec.root.read_only;
    root.propagation = static_cast<std::uint64_t>(spec.linux_config.rootfs_propagation);
    root.mounts = TRY(compile_mounts(context));
    root.devices = compile_devices(context, root.mounts);
    root.links = compile_links(root.mounts);
    root.masked_paths = normalized_paths(spec.linux_config.masked_paths);
    root.read_only_paths = normalized_paths(spec.linux_config.readonly_paths);
    root.mount_label = spec.linux_config.mount_label;
    return root;
}

/// Of a container that is being made.
oci::State first_state(const oci::Spec& spec, std::string_view bundle, std::string_view id) {
    return {.oci_version = spec.oci_version,
            .id = std::string(id),
            .status = oci::Status::creating,
            .bundle = std::string(bundle),
            .annotations = spec.annotations,
            .rootfs = {},
            .created = {},
            .owner = {}};
}

Result<LaunchPlan> compile_all(const Context& context) {
    const auto& spec = context.spec;
    LaunchPlan plan;
    plan.id = context.state.id;
    plan.namespaces = compile_namespaces(spec);
    plan.uid_map = to_id_maps(spec.linux_config.uid_mappings);
    plan.gid_map = to_id_maps(spec.linux_config.gid_mappings);
    plan.time_offsets = compile_time_offsets(spec);
    plan.hostname = spec.hostname;
    plan.domainname = spec.domainname;
    plan.sysctls = compile_sysctls(spec);
    plan.root = TRY(compile_root(context));
    plan.cgroup = compile_cgroup(spec.linux_config.resources, spec.oci_version, &context.warnings);
    plan.cgroup.owner = find_cgroup_owner(spec);
    limit_tree(spec, plan.cgroup);
    plan.process = TRY(compile_process(context));
    plan.hooks = compile_hooks(context);
    for (const auto& [name, device] : spec.linux_config.net_devices)
        plan.net_devices.push_back({name, device.name.empty() ? name : device.name});
    plan.rdt = to_rdt(spec.linux_config.intel_rdt);
    return plan;
}

}  // namespace

std::vector<IdMap> to_id_maps(const std::vector<oci::IdMapping>& mappings) {
    std::vector<IdMap> out;
    for (const auto& line : mappings) out.push_back({line.container_id, line.host_id, line.size});
    return out;
}

std::optional<IntelRdt> to_rdt(const std::optional<oci::IntelRdt>& source) {
    if (!source) return std::nullopt;
    return IntelRdt{.clos_id = source->clos_id,
                    .l3_cache_schema = source->l3_cache_schema,
                    .mem_bw_schema = source->mem_bw_schema,
                    .schemata = source->schemata,
                    .monitoring = source->enable_monitoring};
}

Result<LaunchPlan> compile(const oci::Spec& spec, std::string_view bundle, std::string_view id,
                           const Overrides& overrides, Warnings* warnings) {
    oci::Spec changed = spec;
    apply(overrides, changed);
    Warnings unread;
    return compile_all({changed, bundle, warnings != nullptr ? *warnings : unread, first_state(changed, bundle, id)});
}

Result<LaunchPlan> compile_exec(const oci::Spec& spec, const oci::Process& process, const oci::State& state,
                                Warnings* warnings) {
    TRY(oci::check_process(process));
    oci::Spec changed = spec;
    changed.process = process;
    TRY(oci::check_supported(changed));
    Warnings unread;
    LaunchPlan plan;
    plan.id = state.id;
    plan.enters = true;
    plan.root.path = "/";
    plan.process = TRY(compile_process({changed, "/", warnings != nullptr ? *warnings : unread, state}));
    TRY(compile_affinity(process, plan.process));
    return plan;
}

Result<Compiled> compile_document(std::string_view config_text, std::string_view config_file,
                                  std::string_view merge_patch, std::string_view bundle, std::string_view id,
                                  const Overrides& overrides) {
    Compiled out;
    out.spec = TRY(oci::parse_spec(config_text, config_file, merge_patch));
    apply(overrides, out.spec);
    TRY(oci::check_spec(out.spec), config_file);
    TRY(oci::check_supported(out.spec), config_file);
    TRY(oci::check_mount_namespace(out.spec), config_file);
    TRY(apply_profile(out.spec, overrides.default_seccomp, overrides.read_profile), config_file);
    out.plan = TRY(compile_all({out.spec, bundle, out.warnings, first_state(out.spec, bundle, id)}), config_file);
    report_additions(overrides, out.plan.root);
    return out;
}

}  // namespace xctl::plan
