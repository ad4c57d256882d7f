// SPDX-License-Identifier: LGPL-2.1-or-later
// The field tables of `linux` and what it holds, apart from its resources.
#pragma once

#include "lib/oci/fields.hpp"
#include "lib/oci/resources_fields.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

template <>
inline constexpr auto kWords<NamespaceType> = kNamespaceNames;
template <>
inline constexpr auto kWords<Propagation> = kPropagationNames;
template <>
inline constexpr auto kWords<SeccompAction> = kSeccompActionNames;
template <>
inline constexpr auto kWords<SeccompOperator> = kSeccompOperatorNames;
template <>
inline constexpr auto kWords<SeccompFlag> = kSeccompFlagNames;

template <>
inline constexpr auto kFields<IdMapping> = std::tuple{
    required("containerID", &IdMapping::container_id),
    required("hostID", &IdMapping::host_id),
    required("size", &IdMapping::size),
};

template <>
inline constexpr auto kFields<Namespace> = std::tuple{
    required("type", &Namespace::type),
    optional("path", &Namespace::path),
};

template <>
inline constexpr auto kFields<TimeOffset> = std::tuple{
    optional("secs", &TimeOffset::secs),
    optional("nanosecs", &TimeOffset::nanosecs),
};

template <>
inline constexpr auto kFields<Device> = std::tuple{
    required("type", &Device::type),
    required("path", &Device::path),
    optional("major", &Device::major),
    optional("minor", &Device::minor),
    optional("fileMode", &Device::file_mode),
    optional("uid", &Device::uid),
    optional("gid", &Device::gid),
};

template <>
inline constexpr auto kFields<NetDevice> = std::tuple{
    optional("name", &NetDevice::name),
};

template <>
inline constexpr auto kFields<SeccompArg> = std::tuple{
    required("index", &SeccompArg::index),
    required("value", &SeccompArg::value),
    optional("valueTwo", &SeccompArg::value_two),
    required("op", &SeccompArg::op),
};

template <>
inline constexpr auto kFields<SyscallRule> = std::tuple{
    required("names", &SyscallRule::names, "an array of at least one string"),
    required("action", &SyscallRule::action),
    optional("errnoRet", &SyscallRule::errno_ret),
    optional("args", &SyscallRule::args),
};

template <>
inline constexpr auto kFields<Seccomp> = std::tuple{
    required("defaultAction", &Seccomp::default_action),
    optional("defaultErrnoRet", &Seccomp::default_errno_ret),
    optional("architectures", &Seccomp::architectures),
    optional("flags", &Seccomp::flags),
    optional("listenerPath", &Seccomp::listener_path),
    optional("listenerMetadata", &Seccomp::listener_metadata),
    optional("syscalls", &Seccomp::syscalls),
};

template <>
inline constexpr auto kFields<IntelRdt> = std::tuple{
    optional("closID", &IntelRdt::clos_id),
    optional("schemata", &IntelRdt::schemata),
    optional("l3CacheSchema", &IntelRdt::l3_cache_schema),
    optional("memBwSchema", &IntelRdt::mem_bw_schema),
    optional("enableMonitoring", &IntelRdt::enable_monitoring),
};

template <>
inline constexpr auto kFields<MemoryPolicy> = std::tuple{
    required("mode", &MemoryPolicy::mode),
    optional("nodes", &MemoryPolicy::nodes),
    optional("flags", &MemoryPolicy::flags),
};

template <>
inline constexpr auto kFields<Personality> = std::tuple{
    required("domain", &Personality::domain),
    optional("flags", &Personality::flags),
};

template <>
inline constexpr auto kFields<Linux> = std::tuple{
    optional("namespaces", &Linux::namespaces),
    optional("uidMappings", &Linux::uid_mappings),
    optional("gidMappings", &Linux::gid_mappings),
    optional("timeOffsets", &Linux::time_offsets),
    optional("devices", &Linux::devices),
    optional("netDevices", &Linux::net_devices),
    optional("cgroupsPath", &Linux::cgroups_path),
    optional("resources", &Linux::resources),
    optional("sysctl", &Linux::sysctl),
    optional("seccomp", &Linux::seccomp),
    optional("rootfsPropagation", &Linux::rootfs_propagation),
    optional("maskedPaths", &Linux::masked_paths),
    optional("readonlyPaths", &Linux::readonly_paths),
    optional("mountLabel", &Linux::mount_label),
    optional("intelRdt", &Linux::intel_rdt),
    optional("memoryPolicy", &Linux::memory_policy),
    optional("personality", &Linux::personality),
};

}  // namespace xctl::oci
