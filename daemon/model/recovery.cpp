// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/recovery.hpp"

namespace xctl::model {
namespace {

struct RecoveryRow {
    State recorded;
    RecoveryStep with_entry;
    RecoveryStep without;
};

using enum RecoveryStep;

constexpr std::array kRows{
    RecoveryRow{State::created, nothing, nothing},
    RecoveryRow{State::starting, adopt, launch_again},
    RecoveryRow{State::running, adopt, end_lost_run},
    RecoveryRow{State::paused, adopt, end_lost_run},
    RecoveryRow{State::stopping, adopt, end_lost_run},
    RecoveryRow{State::quarantined, adopt, end_lost_run},
    RecoveryRow{State::waiting, await_restart, await_restart},
    RecoveryRow{State::stopped, nothing, nothing},
    RecoveryRow{State::failed, nothing, nothing},
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

}  // namespace xctl::model
