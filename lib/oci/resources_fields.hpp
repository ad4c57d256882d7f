// SPDX-License-Identifier: LGPL-2.1-or-later
// The field tables of `linux.resources`.
#pragma once

#include "lib/oci/fields.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

template <>
inline constexpr auto kFields<DeviceRule> = std::tuple{
    required("allow", &DeviceRule::allow),
    optional("type", &DeviceRule::type),
    optional("major", &DeviceRule::major),
    optional("minor", &DeviceRule::minor),
    optional("access", &DeviceRule::access),
};

template <>
inline constexpr auto kFields<MemoryLimits> = std::tuple{
    optional("limit", &MemoryLimits::limit),
    optional("reservation", &MemoryLimits::reservation),
    optional("swap", &MemoryLimits::swap),
    optional("kernel", &MemoryLimits::kernel),
    optional("kernelTCP", &MemoryLimits::kernel_tcp),
    optional("swappiness", &MemoryLimits::swappiness),
    optional("disableOOMKiller", &MemoryLimits::disable_oom_killer),
    optional("useHierarchy", &MemoryLimits::use_hierarchy),
    optional("checkBeforeUpdate", &MemoryLimits::check_before_update),
};

template <>
inline constexpr auto kFields<CpuLimits> = std::tuple{
    optional("shares", &CpuLimits::shares),
    optional("quota", &CpuLimits::quota),
    optional("burst", &CpuLimits::burst),
    optional("period", &CpuLimits::period),
    optional("realtimeRuntime", &CpuLimits::realtime_runtime),
    optional("realtimePeriod", &CpuLimits::realtime_period),
    optional("cpus", &CpuLimits::cpus),
    optional("mems", &CpuLimits::mems),
    optional("idle", &CpuLimits::idle),
};

template <>
inline constexpr auto kFields<PidsLimit> = std::tuple{
    optional("limit", &PidsLimit::limit),
};

template <>
inline constexpr auto kFields<WeightDevice> = std::tuple{
    required("major", &WeightDevice::major),
    required("minor", &WeightDevice::minor),
    optional("weight", &WeightDevice::weight),
    optional("leafWeight", &WeightDevice::leaf_weight),
};

template <>
inline constexpr auto kFields<ThrottleDevice> = std::tuple{
    required("major", &ThrottleDevice::major),
    required("minor", &ThrottleDevice::minor),
    required("rate", &ThrottleDevice::rate),
};

template <>
inline constexpr auto kFields<BlockIo> = std::tuple{
    optional("weight", &BlockIo::weight),
    optional("leafWeight", &BlockIo::leaf_weight),
    optional("weightDevice", &BlockIo::weight_device),
    optional("throttleReadBpsDevice", &BlockIo::throttle_read_bps),
    optional("throttleWriteBpsDevice", &BlockIo::throttle_write_bps),
    optional("throttleReadIOPSDevice", &BlockIo::throttle_read_iops),
    optional("throttleWriteIOPSDevice", &BlockIo::throttle_write_iops),
};

template <>
inline constexpr auto kFields<HugepageLimit> = std::tuple{
    required("pageSize", &HugepageLimit::page_size),
    required("limit", &HugepageLimit::limit),
};

template <>
inline constexpr auto kFields<InterfacePriority> = std::tuple{
    required("name", &InterfacePriority::name),
    required("priority", &InterfacePriority::priority),
};

template <>
inline constexpr auto kFields<NetworkLimits> = std::tuple{
    optional("classID", &NetworkLimits::class_id),
    optional("priorities", &NetworkLimits::priorities),
};

template <>
inline constexpr auto kFields<RdmaLimit> = std::tuple{
    optional("hcaHandles", &RdmaLimit::hca_handles),
    optional("hcaObjects", &RdmaLimit::hca_objects),
};

template <>
inline constexpr auto kFields<Resources> = std::tuple{
    optional("devices", &Resources::devices),
    optional("memory", &Resources::memory),
    optional("cpu", &Resources::cpu),
    optional("pids", &Resources::pids),
    optional("blockIO", &Resources::block_io),
    optional("hugepageLimits", &Resources::hugepage_limits),
    optional("network", &Resources::network),
    optional("rdma", &Resources::rdma),
    optional("unified", &Resources::unified),
};

}  // namespace xctl::oci
