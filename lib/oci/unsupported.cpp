// SPDX-License-Identifier: LGPL-2.1-or-later
// One row per property; nothing that is asked for is dropped in silence.
#include "lib/oci/unsupported.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <string_view>

namespace xctl::oci {
namespace {

struct Row {
    std::string_view pointer;
    bool (*is_asked_for)(const Spec&);
};

const Process& process_of(const Spec& spec) {
    static const Process none;
    return spec.process ? *spec.process : none;
}

const Resources& resources_of(const Spec& spec) { return spec.linux_config.resources; }

/// -1 stands for "no limit" and 0 for "not set" in what engines write.
bool is_limit(const std::optional<std::int64_t>& value) { return value && *value > 0; }

template <class T>
bool is_set(const std::optional<T>& value) {
    return value && *value != T{};
}

bool has_personality(const Spec& spec) {
    const auto& personality = spec.linux_config.personality;
    return personality && (personality->domain != "LINUX" || !personality->flags.empty());
}

/// Our own processes are not confined either, so this word asks for nothing.
bool has_apparmor_profile(const Spec& spec) {
    const auto& profile = process_of(spec).apparmor_profile;
    return !profile.empty() && profile != "unconfined";
}

constexpr std::array kHookRows{
    Row{"/hooks/prestart", [](const Spec& s) { return !s.hooks.prestart.empty(); }},
    Row{"/hooks/createRuntime", [](const Spec& s) { return !s.hooks.create_runtime.empty(); }},
    Row{"/hooks/createContainer", [](const Spec& s) { return !s.hooks.create_container.empty(); }},
    Row{"/hooks/startContainer", [](const Spec& s) { return !s.hooks.start_container.empty(); }},
    Row{"/hooks/poststart", [](const Spec& s) { return !s.hooks.poststart.empty(); }},
    Row{"/hooks/poststop", [](const Spec& s) { return !s.hooks.poststop.empty(); }},
};

constexpr std::array kRows{
    Row{"/process/apparmorProfile", has_apparmor_profile},
    Row{"/process/selinuxLabel", [](const Spec& s) { return !process_of(s).selinux_label.empty(); }},
    Row{"/process/scheduler", [](const Spec& s) { return process_of(s).scheduler.has_value(); }},
    Row{"/process/ioPriority", [](const Spec& s) { return process_of(s).io_priority.has_value(); }},
    Row{"/linux/mountLabel", [](const Spec& s) { return !s.linux_config.mount_label.empty(); }},
    Row{"/linux/intelRdt", [](const Spec& s) { return s.linux_config.intel_rdt.has_value(); }},
    Row{"/linux/memoryPolicy", [](const Spec& s) { return s.linux_config.memory_policy.has_value(); }},
    Row{"/linux/netDevices", [](const Spec& s) { return !s.linux_config.net_devices.empty(); }},
    Row{"/linux/personality", has_personality},
    Row{"/linux/resources/memory/kernel", [](const Spec& s) { return is_limit(resources_of(s).memory.kernel); }},
    Row{"/linux/resources/memory/kernelTCP",
        [](const Spec& s) { return is_limit(resources_of(s).memory.kernel_tcp); }},
    Row{"/linux/resources/memory/swappiness",
        [](const Spec& s) { return resources_of(s).memory.swappiness.has_value(); }},
    Row{"/linux/resources/memory/disableOOMKiller",
        [](const Spec& s) { return is_set(resources_of(s).memory.disable_oom_killer); }},
    Row{"/linux/resources/cpu/realtimeRuntime",
        [](const Spec& s) { return is_limit(resources_of(s).cpu.realtime_runtime); }},
    Row{"/linux/resources/cpu/realtimePeriod",
        [](const Spec& s) { return is_set(resources_of(s).cpu.realtime_period); }},
    Row{"/linux/resources/blockIO/weight", [](const Spec& s) { return is_set(resources_of(s).block_io.weight); }},
    Row{"/linux/resources/blockIO/leafWeight",
        [](const Spec& s) { return is_set(resources_of(s).block_io.leaf_weight); }},
    Row{"/linux/resources/blockIO/weightDevice",
        [](const Spec& s) { return !resources_of(s).block_io.weight_device.empty(); }},
    Row{"/linux/resources/blockIO/throttleReadBpsDevice",
        [](const Spec& s) { return !resources_of(s).block_io.throttle_read_bps.empty(); }},
    Row{"/linux/resources/blockIO/throttleWriteBpsDevice",
        [](const Spec& s) { return !resources_of(s).block_io.throttle_write_bps.empty(); }},
    Row{"/linux/resources/blockIO/throttleReadIOPSDevice",
        [](const Spec& s) { return !resources_of(s).block_io.throttle_read_iops.empty(); }},
    Row{"/linux/resources/blockIO/throttleWriteIOPSDevice",
        [](const Spec& s) { return !resources_of(s).block_io.throttle_write_iops.empty(); }},
    Row{"/linux/resources/hugepageLimits", [](const Spec& s) { return !resources_of(s).hugepage_limits.empty(); }},
    Row{"/linux/resources/network/classID",
        [](const Spec& s) { return is_set(resources_of(s).network.class_id); }},
    Row{"/linux/resources/network/priorities",
        [](const Spec& s) { return !resources_of(s).network.priorities.empty(); }},
    Row{"/linux/resources/rdma", [](const Spec& s) { return !resources_of(s).rdma.empty(); }},
};

std::unexpected<Error> unsupported(std::string_view pointer) {
    return fail(Errc::unsupported, std::format("{}: not supported by this version", pointer));
}

Result<> check_mount_namespace(const Spec& spec) {
    const auto& namespaces = spec.linux_config.namespaces;
    const auto found = std::ranges::find(namespaces, NamespaceType::mount, &Namespace::type);
    if (found == namespaces.end())
        return fail(Errc::unsupported,
                    "/linux/namespaces: a container without a mount namespace is not supported by this version");
    if (!found->path.empty())
        return unsupported(std::format("/linux/namespaces/{}/path", found - namespaces.begin()));
    return {};
}

}  // namespace

Result<> check_supported(const Spec& spec, HookSupport hooks) {
    if (hooks == HookSupport::no)
        for (const auto& row : kHookRows)
            if (row.is_asked_for(spec)) return unsupported(row.pointer);
    for (const auto& row : kRows)
        if (row.is_asked_for(spec)) return unsupported(row.pointer);
    return check_mount_namespace(spec);
}

}  // namespace xctl::oci
