// SPDX-License-Identifier: LGPL-2.1-or-later
// How a new daemon goes on with a run, by the two witnesses that its predecessor left: the record in
// /run/xctl/state/NAME, and the entry in the parking lot.
//
// The record decides which run there is. begin_run() saves the record before the init is cloned, and on_ended() saves
// it before the parked descriptors are dropped, so an entry of another run than the record's is always out of date. An
// entry decides whether the run can be supervised: without its descriptors nobody can read its console or learn how it
// ended. docs/ARCHITECTURE.md, "After a crash", has the other sources.
#pragma once

#include "daemon/model/container.hpp"
#include "daemon/model/record.hpp"

namespace xctl::model {

enum class RecoveryStep : std::uint8_t {
    nothing,        // no run, and none is due
    adopt,          // go on with the parked run
    launch_again,   // the init was not released yet and died with its daemon; its start was asked for
    end_lost_run,   // stop what is left of it in its unit; its exit status is unknown
    await_restart,  // the policy's next start is due later
};

/// `parked`: the parking lot has an entry with the record's life and run number.
[[nodiscard]] RecoveryStep recovery_step(State recorded, Placement placement, bool parked);

}  // namespace xctl::model
