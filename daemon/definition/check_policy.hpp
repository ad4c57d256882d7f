// SPDX-License-Identifier: LGPL-2.1-or-later
// What a definition asks for about readiness and health, as its files write it, and as it is carried out.
#pragma once

#include <string>
#include <vector>

#include "daemon/definition/probe.hpp"
#include "daemon/model/health.hpp"

namespace xctl::definition {

/// One probe as it is written: at most one of these words says what is asked.
struct ProbeWords {
    std::vector<std::string> exec;
    std::string tcp, http, console;
    bool notify = false;
    std::chrono::milliseconds interval{}, timeout{};

    bool operator==(const ProbeWords&) const = default;
};

struct CheckWords {
    ProbeWords readiness{.exec = {}, .tcp = {}, .http = {}, .console = {}, .interval = std::chrono::milliseconds(200),
                         .timeout = std::chrono::seconds(5)};
    std::chrono::milliseconds start_timeout{0};  // to become ready; 0: none
    ProbeWords health{.exec = {}, .tcp = {}, .http = {}, .console = {}, .interval = std::chrono::seconds(30),
                      .timeout = std::chrono::seconds(5)};
    model::HealthPolicy when_unhealthy;

    bool operator==(const CheckWords&) const = default;
};

struct CheckPolicy {
    Probe readiness;
    std::chrono::milliseconds start_timeout{0};
    Probe health;
    model::HealthPolicy when_unhealthy;

    [[nodiscard]] bool needs_notify() const {
        return readiness.kind == ProbeKind::notify || health.kind == ProbeKind::notify;
    }
};

/// An error names the section, "/readiness" or "/health", and the rule.
Result<CheckPolicy> parse_checks(const CheckWords& words);

}  // namespace xctl::definition
