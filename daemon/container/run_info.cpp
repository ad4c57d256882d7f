// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/run_info.hpp"

#include "api/limits.hpp"
#include "lib/base/time_text.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::container {

api::RunInfo to_info(const model::RunRecord& run) {
    api::RunInfo info;
    info.run = run.number;
    info.started = to_usec(run.started);
    info.ended = to_usec(run.exit.time);
    info.exit_reason = name_of(model::kExitReasons, run.exit.reason);
    info.exit_status = run.exit.status;
    info.cause = name_of(model::kCauses, run.cause);
    info.by = run.by;
    info.timed_out = run.timed_out;
    // A container names the cgroups below its own.
    info.oom_cgroup = shortened(valid_utf8(run.oom_cgroup), api::kMaxPathBytes);
    info.message = shortened(valid_utf8(run.exit.message), api::kMaxMessageBytes);
    info.step = run.step;
    info.path = shortened(valid_utf8(run.path), api::kMaxPathBytes);
    info.error = run.error;
    info.console = run.console;
    return info;
}

}  // namespace xctl::container
