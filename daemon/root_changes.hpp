// SPDX-License-Identifier: LGPL-2.1-or-later
// Binds and devices that come into a running container and leave it.
#pragma once

#include <functional>
#include <utility>

#include "daemon/definition.hpp"
#include "daemon/errand.hpp"
#include "lib/kernel/event.hpp"
#include "lib/launch/live_root.hpp"

namespace xctl {

/// From the binds and devices of one definition to those of another, of which `after` is the plan.
[[nodiscard]] launch::RootChange root_change(const Definition& before, const Definition& now,
                                             const plan::LaunchPlan& after);

/// Makes such changes in a process beside ours: a source may be on a server that does not answer.
class RootChanges {
public:
    using Done = Errand::Done;

    explicit RootChanges(kernel::EventLoop& loop) : loop_(loop), errand_(loop) {}

    /// Errc::timeout when it takes too long. `done` is called at once where there is nothing to do. `pidfd` is used
    /// within this call only.
    void start(int pidfd, launch::RootChange change, Done done);
    [[nodiscard]] bool is_running() const noexcept { return errand_.is_running(); }

private:
    kernel::EventLoop& loop_;
    Errand errand_;
    kernel::EventSource timer_;
};

}  // namespace xctl
