// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/recovery.hpp"

namespace xctl {
namespace {

struct Row {
    State recorded;
    RecoveryStep with_entry;
    RecoveryStep without;
};

using enum RecoveryStep;

constexpr std::array kRows{
    Row{State::created, nothing, nothing},
    Row{State::starting, adopt, launch_again},
    Row{State::running, adopt, end_lost_run},
    Row{State::paused, adopt, end_lost_run},
    Row{State::stopping, adopt, end_lost_run},
    Row{State::quarantined, adopt, end_lost_run},
    Row{State::waiting, await_restart, await_restart},
    Row{State::stopped, nothing, nothing},
    Row{State::failed, nothing, nothing},
};
static_assert(kRows.size() == kStates.size());

}  // namespace

RecoveryStep recovery_step(State recorded, Placement placement, bool parked) {
    for (const auto& row : kRows) {
        if (row.recorded != recorded) continue;
        const auto step = parked ? row.with_entry : row.without;
        // systemd starts the runs of its units, so a launch that died with the daemon is systemd's to repeat.
        return step == launch_again && placement == Placement::unit ? end_lost_run : step;
    }
    return nothing;
}

}  // namespace xctl
