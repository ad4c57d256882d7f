// SPDX-License-Identifier: LGPL-2.1-or-later
// A container's cgroup: made by us in cgroupfs, or by systemd as a scope.
#pragma once

#include <span>
#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"
#include "lib/plan/plan.hpp"
#include "runtime/xrun/cgroup/unit_property.hpp"
#include "runtime/xrun/options.hpp"

namespace xctl::runtime {

/// Where a container belongs. All empty: no cgroup of its own.
struct Placement {
    std::string cgroup;  // below the root of the hierarchy, "/" first; of a scope it is known when that has started
    std::string slice, scope;
    std::vector<UnitProperty> properties;  // of the scope, from annotations
};

/// As the command line and cgroupsPath say: a path, of which a relative one is beside our own cgroup, or
/// SLICE:PREFIX:NAME for systemd.
Result<Placement> choose_placement(const Arguments& arguments, const oci::Spec& spec);

/// A limit whose controller the kernel, or whoever gave us our cgroup, does not offer.
enum class Unavailable : bool { refuse, skip };
[[nodiscard]] inline Unavailable unavailable_limits(const Arguments& arguments) {
    return arguments.skip_limits ? Unavailable::skip : Unavailable::refuse;
}

/// Errc::wrong_state when it has processes or is frozen. To be asked before it is written down as a container's:
/// what is written down may be killed.
Result<> check_group(const std::string& path);

/// Makes it with its parents, enables controllers on the way down, and writes the limits. One with processes in it,
/// or frozen, is refused. In a new user namespace, the container's root gets it if it also sees it writable.
Result<OwnedCgroup> make_group(const std::string& path, const plan::Cgroup& limits, Unavailable unavailable);

/// Puts the process into a new scope with the limits, and returns its cgroup. Errc::exists when there is such a unit.
Result<std::string> make_scope(const Placement& placement, const std::string& id, PidFd pidfd,
                               const plan::Cgroup& limits, Unavailable unavailable);

/// Limits of a container that runs; `scope` may be empty.
Result<> change_limits(const std::string& cgroup, const std::string& scope, const plan::Cgroup& limits,
                       Unavailable unavailable);

/// Errno is ENOENT when it is gone, or `path` is empty.
Result<OwnedCgroup> open_group(const std::string& path);

/// With the empty ones below, or the scope; nothing to do when it is gone.
Result<> remove_group(const std::string& path, const std::string& scope, const std::string& id);

}  // namespace xctl::runtime
