// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/record.hpp"

#include <chrono>

namespace xctl::model {

void Record::note_times(Instant now) {
    const auto wall = std::chrono::system_clock::now();
    if (machine.started == now) started = wall;
    const auto delay = std::chrono::duration_cast<TimePoint::duration>(machine.next_start - now);
    next_start = machine.next_start == Instant() ? TimePoint() : wall + delay;
}

}  // namespace xctl::model
