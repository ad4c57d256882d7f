// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/health/checks.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace xctl::health {
namespace {

using Millis = std::chrono::milliseconds;

/// A ring may keep a gigabyte; a text is looked for in what was printed lately.
constexpr std::uint64_t kMostSearched = 256 * 1024;

Millis since(std::chrono::steady_clock::time_point time) {
    return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - time);
}

}  // namespace

Checks::Checks(kernel::EventLoop& loop, definition::CheckPolicy policy, Target target, Listener listener)
    : loop_(loop),
      policy_(std::move(policy)),
      target_(std::move(target)),
      listener_(std::move(listener)),
      console_offset_(target_.console_start),
      attempt_(loop) {}

void Checks::begin(bool ready, model::Health health) {
    health_ = health;
    began_ = std::chrono::steady_clock::now();
    if (ready)
        ask_health();
    else if (policy_.readiness.kind == definition::ProbeKind::none)
        become_ready();
    else
        ask_readiness();
}

void Checks::on_notification(const Notification& said) {
    notified_ready_ |= said.says(NotifyUse::ready);
    notified_alive_ |= said.says(NotifyUse::watchdog);
    if (!awaits_ready_ || !notified_ready_ || policy_.readiness.kind != definition::ProbeKind::notify) return;
    timer_.reset();
    become_ready();
}

void Checks::ask_readiness() {
    awaits_ready_ = true;
    ask(policy_.readiness, [this](Result<> result) { on_readiness(std::move(result)); });
}

void Checks::on_readiness(Result<> result) {
    if (result) return become_ready();
    const auto limit = policy_.start_timeout;
    if (limit.count() > 0 && since(began_) >= limit) return listener_.not_ready(result.error().message);
    after(policy_.readiness.interval, &Checks::ask_readiness);
}

void Checks::become_ready() {
    awaits_ready_ = false;
    began_ = std::chrono::steady_clock::now();
    if (policy_.health.kind != definition::ProbeKind::none) {
        health_ = {model::HealthStatus::starting, 0};
        after(policy_.health.interval, &Checks::ask_health);
    }
    listener_.ready();
}

void Checks::ask_health() {
    if (policy_.health.kind == definition::ProbeKind::none) return;
    ask(policy_.health, [this](Result<> result) { on_health(std::move(result)); });
}

void Checks::on_health(Result<> result) {
    const bool changed = advance(health_, policy_.when_unhealthy, result.has_value(), since(began_));
    after(policy_.health.interval, &Checks::ask_health);
    listener_.health(health_, changed, result ? std::string() : result.error().message);
}

void Checks::ask(const definition::Probe& probe, ProbeAttempt::Done done) {
    switch (probe.kind) {
        case definition::ProbeKind::none: return;
        case definition::ProbeKind::tcp:
        case definition::ProbeKind::http: return attempt_.begin(probe, target_.pidfd, std::move(done));
        case definition::ProbeKind::exec: execution_ = target_.execute(probe, std::move(done)); return;
        case definition::ProbeKind::console: return done(find_text(probe.text));
        case definition::ProbeKind::notify: {
            const bool said = std::exchange(notified_alive_, false) || notified_ready_;
            if (&probe == &policy_.health) notified_ready_ = false;
            return done(said ? Result<>() : fail(Errc::timeout, "it has not said so"));
        }
    }
}

/// In what was printed since it was last found, or asked for.
Result<> Checks::find_text(const std::string& text) {
    const auto& ring = target_.ring;
    const auto end = ring.end();
    const auto least = end > kMostSearched ? end - kMostSearched : 0;
    std::string printed;
    for (auto at = std::max({console_offset_, ring.begin(), least}); at < end;) {
        const auto bytes = ring.bytes(at, end);
        if (bytes.empty()) break;
        printed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        at += bytes.size();
    }
    const bool found = printed.contains(text);
    // A text that is only half there will be found the next time.
    const auto overlap = found ? 0 : std::min<std::uint64_t>(text.size() - 1, printed.size());
    console_offset_ = end - overlap;
    if (found) return {};
    return fail(Errc::not_found, "it has not printed " + xctl::quoted(text));
}

void Checks::after(Millis delay, void (Checks::*next)()) {
    loop_.arm(timer_, delay, [this, next](std::uint32_t) {
        timer_.reset();
        (this->*next)();
    });
}

}  // namespace xctl::health
