// SPDX-License-Identifier: LGPL-2.1-or-later
// Every cell of the table of recovery steps, written down a second time.
#include "daemon/model/recovery.hpp"

#include <gtest/gtest.h>

namespace xctl::model {
namespace {

using enum RecoveryStep;

struct Cells {
    State recorded;
    RecoveryStep scope_parked, scope_alone, unit_parked, unit_alone;
};

constexpr std::array kCells{
    Cells{State::created, nothing, nothing, nothing, nothing},
    Cells{State::starting, adopt, launch_again, adopt, end_lost_run},
    Cells{State::running, adopt, end_lost_run, adopt, end_lost_run},
    Cells{State::stopping, adopt, end_lost_run, adopt, end_lost_run},
    Cells{State::stopped, nothing, nothing, nothing, nothing},
    Cells{State::failed, nothing, nothing, nothing, nothing},
    Cells{State::waiting, await_restart, await_restart, await_restart, await_restart},
    Cells{State::paused, adopt, end_lost_run, adopt, end_lost_run},
    Cells{State::quarantined, adopt, end_lost_run, adopt, end_lost_run},
};

TEST(Recovery, EveryCell) {
    ASSERT_EQ(kCells.size(), kStates.size());
    for (const auto& cells : kCells) {
        SCOPED_TRACE(name_of(kStates, cells.recorded));
        EXPECT_EQ(recovery_step(cells.recorded, Placement::scope, true), cells.scope_parked);
        EXPECT_EQ(recovery_step(cells.recorded, Placement::scope, false), cells.scope_alone);
        EXPECT_EQ(recovery_step(cells.recorded, Placement::unit, true), cells.unit_parked);
        EXPECT_EQ(recovery_step(cells.recorded, Placement::unit, false), cells.unit_alone);
    }
}

}  // namespace
}  // namespace xctl::model
