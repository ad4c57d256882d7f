// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/repeater.hpp"

#include <algorithm>

namespace xctl::dispatch {
namespace {

using Usec = std::chrono::microseconds;

constexpr std::uint64_t kDefaultInterval = 1'000'000, kLeast = 100'000, kMost = 86'400'000'000;

}  // namespace

void Repeater::start(api::Request request, Sink sink) {
    const auto interval = std::clamp(api::interval_of(request).value_or(kDefaultInterval), kLeast, kMost);
    watches_.push_back({std::move(request), std::move(sink), Usec(static_cast<std::int64_t>(interval)), {}});
    turn(watches_.back());
}

/// The verbs that can be repeated only read, and answer at once.
void Repeater::turn(Watch& watch) {
    bool goes_on = false;
    handlers_.call(watch.sink->verb(), watch.request, {}, [&](Result<api::Reply> reply) {
        if (reply)
            goes_on = watch.sink->part(*reply);
        else
            watch.sink->refuse(std::move(reply).error());
    });
    if (!goes_on) return end(watch);
    loop_.arm(watch.timer, watch.interval, [this, &watch](std::uint32_t) { turn(watch); });
}

void Repeater::forget_departed() {
    watches_.remove_if([](const Watch& watch) { return watch.request.context.caller.has_left(); });
}

void Repeater::end(const Watch& watch) {
    watches_.remove_if([&](const Watch& row) { return &row == &watch; });
}

}  // namespace xctl::dispatch
