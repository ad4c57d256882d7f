// SPDX-License-Identifier: LGPL-2.1-or-later
// A container's cgroup, made in cgroupfs.
#pragma once

#include <string>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/oci/spec.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::runtime {

/// Below the root of the hierarchy, "/" first. A relative cgroupsPath is beside our own cgroup.
Result<std::string> choose_group(const oci::Spec& spec, const std::string& id);

/// Errc::wrong_state when it has processes or is frozen. To be asked before it is written down as a container's:
/// what is written down may be killed.
Result<> check_group(const std::string& path);

/// Makes it with its parents, enables controllers on the way down, and writes the limits. One with processes in it,
/// or frozen, is refused. In a new user namespace, the container's root gets it if it also sees it writable.
Result<UniqueFd> make_group(const std::string& path, const oci::Spec& spec, const plan::Cgroup& limits);

/// Errno is ENOENT when it is gone, or `path` is empty.
Result<UniqueFd> open_group(const std::string& path);

/// With the empty ones below; nothing to do when it is gone.
Result<> remove_group(const std::string& path);

}  // namespace xctl::runtime
