// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/health.hpp"

#include <algorithm>

namespace xctl::model {

bool advance(Health& health, const HealthPolicy& policy, bool passed, std::chrono::milliseconds age) {
    const auto before = health.status;
    if (passed) {
        health = {HealthStatus::healthy, 0};
        return before != HealthStatus::healthy;
    }
    const bool grace = before == HealthStatus::starting && age < policy.start_period;
    if (!grace) ++health.failures;
    if (health.failures >= std::max(policy.retries, std::uint64_t{1})) health.status = HealthStatus::unhealthy;
    return health.status != before;
}

}  // namespace xctl::model
