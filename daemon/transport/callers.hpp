// SPDX-License-Identifier: LGPL-2.1-or-later
// Callers whose answers may be a long time coming. What is kept for one that leaves before is forgotten.
#pragma once

#include <memory>

#include "daemon/manager/manager.hpp"
#include "daemon/transport/repeater.hpp"
#include "lib/base/presence.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class Callers {
public:
    /// The transport holds it while the caller is there.
    using Ticket = std::shared_ptr<const void>;

    Callers(kernel::EventLoop& loop, manager::Manager& manager, Repeater& repeater)
        : loop_(loop), manager_(manager), repeater_(repeater) {}

    /// Its answer to `verb` can take as long as a container runs; with `more`, the call is one that repeats.
    [[nodiscard]] static bool may_wait_long(const api::VerbRow& verb, bool more);
    [[nodiscard]] Ticket welcome();

private:
    void forget_soon();

    kernel::EventLoop& loop_;
    manager::Manager& manager_;
    Repeater& repeater_;
    kernel::EventSource soon_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for tickets that outlive us
};

}  // namespace xctl::transport
