// SPDX-License-Identifier: LGPL-2.1-or-later
// The container's own cgroup, `payload`, below a unit's delegated cgroup (cgroups(7), systemd's CGROUP_DELEGATION).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/launch/parent/device_programs.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// The name of the container's cgroup below that of its unit.
inline constexpr const char* kPayload = "payload";

/// Where the init is that systemd was told to move to `unit`. One that ended before that stays where it was born, and
/// that is where we are: what is done to a container's cgroup would be done to us. Errc::launch_failed then.
Result<std::string> find_cgroup_in(const std::string& unit, pid_t init);

/// Makes UNIT/payload (and UNIT/supervisor for `keeper` when >= 0), moves every process that is in UNIT itself
/// into one of them (`keeper` to supervisor, all else to payload), enables the plan's controllers, writes its
/// limits, attaches its device program and gives it to its owner. A controller that the kernel does not offer is Errc::unsupported,
/// naming the field. Returns the directory of UNIT/payload.
Result<OwnedCgroup> prepare_payload(CgroupFd unit_cgroup, const plan::Cgroup& cgroup, pid_t keeper,
                                    DevicePrograms& programs);

/// Puts the keeper of one more process in a container where the container's own is. It must go on as long as that
/// process, whatever becomes of the unit of who started it.
Result<> place_keeper(CgroupFd payload, pid_t keeper);

/// The payload cgroup that `path` is or is in: a container may have moved its init further down. Else `path`.
[[nodiscard]] std::string payload_path_of(const std::string& path);

/// Takes what needs a controller that is not enabled there out of the limits, and returns it.
std::vector<plan::FileWrite> drop_unavailable(CgroupFd payload, plan::Cgroup& cgroup);

/// Does the same to a container's own cgroup that is there already. A controller that is not enabled there is Errc::unsupported, naming the field.
Result<> apply_limits(CgroupFd payload, const plan::Cgroup& cgroup, DevicePrograms& programs);

}  // namespace xctl::launch
