// SPDX-License-Identifier: LGPL-2.1-or-later
// Binds and devices that come into a running container and leave it.
#pragma once

#include <functional>
#include <utility>

#include "daemon/definition/definition.hpp"
#include "daemon/run/errand.hpp"
#include "lib/kernel/event.hpp"
#include "lib/launch/parent/live_root.hpp"

namespace xctl::container {

/// The definition and plan of the run as it is, and as it is to become.
struct RootStates {
    const definition::Definition& definition_before;
    const plan::LaunchPlan& plan_before;
    const definition::Definition& definition_after;
    const plan::LaunchPlan& plan_after;
};

/// From the binds and devices of one definition to those of another. `mounted`: what the run has. Errc::wrong_state names
/// a bind that is to go and of which it is not known which mount it is.
Result<launch::RootChange> root_change(const RootStates& states, const launch::MountIds& mounted);

/// Makes such changes in a process beside ours: a source may be on a server that does not answer.
class RootChanges {
public:
    /// The numbers of the new mounts.
    using Done = std::function<void(Result<launch::MountIds>)>;

    explicit RootChanges(kernel::EventLoop& loop) : loop_(loop), errand_(loop) {}

    /// Errc::timeout when it takes too long. `done` is called at once where there is nothing to do. `pidfd` is used
    /// within this call only.
    void start(int pidfd, launch::RootChange change, Done done);
    [[nodiscard]] bool is_running() const noexcept { return errand_.is_running(); }

private:
    kernel::EventLoop& loop_;
    run::Errand errand_;
    kernel::EventSource timer_;
};

}  // namespace xctl::container
