// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/callers.hpp"

namespace xctl::dispatch {
namespace {

/// Of many who leave at once, one walk through the containers forgets all.
constexpr std::chrono::milliseconds kForgetDelay{100};

}  // namespace

Callers::Ticket Callers::welcome() {
    const auto on_left = [this, alive = std::weak_ptr(alive_)](const bool* ticket) {
        delete ticket;
        if (!alive.expired()) forget_soon();
    };
    return std::shared_ptr<const bool>(new bool(true), on_left);
}

void Callers::forget_soon() {
    if (soon_) return;
    loop_.arm(soon_, kForgetDelay, [this](std::uint32_t) {
        soon_.reset();
        forget_();
    });
}

}  // namespace xctl::dispatch
