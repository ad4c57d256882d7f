// SPDX-License-Identifier: LGPL-2.1-or-later
// How one run of a container went: what `history` lists and `why` explains.
#pragma once

#include <array>

#include "api/fields.hpp"
#include "lib/base/table.hpp"

namespace xctl::api {

struct RunInfo {
    std::uint64_t run = 0;
    std::uint64_t started = 0, ended = 0;
    std::string exit_reason;
    std::int64_t exit_status = 0;
    std::string cause;
    std::string by;
    bool timed_out = false;
    std::string oom_cgroup;
    std::string message;
    std::string step, path;
    std::int64_t error = 0;
    std::string console;
};

inline constexpr auto kRunFields = std::to_array<FieldRow<RunInfo>>({
    {"run", &RunInfo::run, "Number of the run in this boot, from 1"},
    {"started", &RunInfo::started, "When its program began, 0 if it never did"},
    {"ended", &RunInfo::ended, "When it ended"},
    {"exitReason", &RunInfo::exit_reason, "exited, signal, oom-kill, launch-failed or unknown"},
    {"exitStatus", &RunInfo::exit_status, "Exit code, or the number of the signal"},
    {"cause", &RunInfo::cause, "What ended it: itself, user, systemd, oom, health, hook, launch, daemon or idle"},
    {"by", &RunInfo::by, "The request that ended it and whose it was, such as \"stop by uid 1000\""},
    {"timedOut", &RunInfo::timed_out, "Whether it did not end when it was asked to and had to be killed"},
    {"oomCgroup", &RunInfo::oom_cgroup, "The cgroup whose memory was used up"},
    {"message", &RunInfo::message, "What went wrong, in a sentence"},
    {"step", &RunInfo::step, "The step of the launch that failed"},
    {"path", &RunInfo::path, "The path that the step worked on"},
    {"errno", &RunInfo::error, "The system's error number, 0 if there was none"},
    {"console", &RunInfo::console, "The last lines that a run which failed printed"},
});
static_assert(names_are_unique(kRunFields));

}  // namespace xctl::api
