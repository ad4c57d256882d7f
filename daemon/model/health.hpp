// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a running container does its work, decided from the results of a probe that is repeated.
//
//   none ──begins──▶ starting ──passed──▶ healthy ◀──passed── unhealthy
//                       └─────── `retries` failures in a row ────▲
//                                (healthy ───────────────────────┘)
//
// While it is starting, failures within the start period do not count: programs may take their time to begin. One
// success ends that grace. Reaching unhealthy is told once, and so is coming back.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "lib/base/table.hpp"

namespace xctl::model {

enum class HealthStatus : std::uint8_t { none, starting, healthy, unhealthy };
inline constexpr std::array<Named<HealthStatus>, 4> kHealthStatuses{{
    {"", HealthStatus::none},
    {"starting", HealthStatus::starting},
    {"healthy", HealthStatus::healthy},
    {"unhealthy", HealthStatus::unhealthy},
}};
static_assert(names_are_unique(kHealthStatuses));

/// What is done with a container that has become unhealthy, beside telling it.
enum class HealthAction : std::uint8_t { event, restart, stop };
inline constexpr std::array<Named<HealthAction>, 3> kHealthActions{{
    {"event", HealthAction::event},
    {"restart", HealthAction::restart},
    {"stop", HealthAction::stop},
}};
static_assert(names_are_unique(kHealthActions));

struct HealthPolicy {
    std::chrono::milliseconds start_period{0};
    std::uint64_t retries = 3;
    HealthAction action = HealthAction::event;

    bool operator==(const HealthPolicy&) const = default;
};

struct Health {
    HealthStatus status = HealthStatus::none;
    std::uint64_t failures = 0;  // in a row, as far as they count
};

/// Takes in one result. `age` is how long the probe has been repeated. True when the status has changed.
bool advance(Health& health, const HealthPolicy& policy, bool passed, std::chrono::milliseconds age);

}  // namespace xctl::model
