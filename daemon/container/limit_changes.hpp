// SPDX-License-Identifier: LGPL-2.1-or-later
// From the limits that are in force to others, without a start.
#pragma once

#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::container {

/// What is to be written: the new limits, and the kernel's default where there is none any more. Errc::unsupported,
/// naming the field, where only a new cgroup has the default.
Result<plan::Cgroup> limits_to_change(const plan::Cgroup& before, const plan::Cgroup& after);

}  // namespace xctl::container
