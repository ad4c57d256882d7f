// SPDX-License-Identifier: LGPL-2.1-or-later
// Callers whose answers may be a long time coming. What is kept for one that leaves before is forgotten.
#pragma once

#include <functional>
#include <memory>

#include "lib/kernel/event.hpp"

namespace xctl::dispatch {

class Callers {
public:
    /// The transport holds it while the caller is there.
    using Ticket = std::shared_ptr<const void>;

    /// `forget` lets go of what is kept for callers who have left.
    Callers(kernel::EventLoop& loop, std::function<void()> forget) : loop_(loop), forget_(std::move(forget)) {}

    [[nodiscard]] Ticket welcome();

private:
    void forget_soon();

    kernel::EventLoop& loop_;
    std::function<void()> forget_;
    kernel::EventSource soon_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for tickets that outlive us
};

}  // namespace xctl::dispatch
