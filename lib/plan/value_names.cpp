// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/plan/value_names.hpp"

#include "lib/oci/names.hpp"

namespace xctl::plan {

std::string_view name_of_policy(const Scheduler& scheduler) {
    return name_of(oci::kSchedulerPolicyNames, scheduler.policy);
}

std::string_view name_of_resource(const Rlimit& limit) {
    return name_of(oci::kRlimitNames, static_cast<int>(limit.resource));
}

}  // namespace xctl::plan
