// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks one run of a container, again and again, whether it is ready, and then whether it is healthy.
//
//   the program runs ──▶ readiness is asked for until it is there ──▶ ready ──▶ health is asked for until the run ends
//
// Without a readiness probe a container is ready when its program runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/definition/check_policy.hpp"
#include "daemon/health/payload_notify.hpp"
#include "daemon/health/probe_attempt.hpp"
#include "daemon/model/health.hpp"
#include "daemon/ring/ring.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::health {

class Checks {
public:
    struct Target {
        int pidfd;
        const ring::Ring& ring;
        std::uint64_t console_start;  // where the run's output begins
        /// Runs a program in the container; the answer must not come after the returned handle is gone.
        std::function<std::shared_ptr<void>(const definition::Probe&, ProbeAttempt::Done)> execute;
    };
    struct Listener {
        std::function<void()> ready;
        std::function<void(const std::string& why)> not_ready;  // in time
        /// After every result; `why` is of the last failure.
        std::function<void(const model::Health&, bool changed, const std::string& why)> health;
    };

    Checks(kernel::EventLoop& loop, definition::CheckPolicy policy, Target target, Listener listener);

    /// `ready`: it was before, under an earlier daemon.
    void begin(bool ready, model::Health health);
    void on_notification(const Notification& said);

private:
    void ask_readiness();
    void on_readiness(Result<> result);
    void become_ready();
    void ask_health();
    void on_health(Result<> result);
    void ask(const definition::Probe& probe, ProbeAttempt::Done done);
    [[nodiscard]] Result<> find_text(const std::string& text);
    void after(std::chrono::milliseconds delay, void (Checks::*next)());

    kernel::EventLoop& loop_;
    definition::CheckPolicy policy_;
    Target target_;
    Listener listener_;
    model::Health health_;
    bool awaits_ready_ = false;
    bool notified_ready_ = false;
    bool notified_alive_ = false;  // since the last time it was asked
    std::uint64_t console_offset_;
    std::chrono::steady_clock::time_point began_;
    ProbeAttempt attempt_;
    std::shared_ptr<void> execution_;
    kernel::EventSource timer_;
};

}  // namespace xctl::health
