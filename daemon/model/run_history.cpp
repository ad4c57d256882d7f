// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/model/run_history.hpp"

#include <algorithm>
#include <format>
#include <ranges>

#include "lib/oci/names.hpp"

namespace xctl::model {
namespace {

/// As the init and hooks run outside call the step.
constexpr std::string_view kHookSteps[]{"hook", "start hook"};

bool counts(const EndRequest& request, const ExitRecord& exit) {
    if (request.cause == Cause::itself) return false;
    return request.signal == 0 || (exit.reason == ExitReason::signal && exit.status == request.signal);
}

Cause cause_of(const ExitRecord& exit, const EndRequest& request, const std::optional<Error>& failure) {
    if (failure && std::ranges::contains(kHookSteps, failure->step)) return Cause::hook;
    if (counts(request, exit)) return request.cause;
    if (failure) return Cause::launch;
    if (exit.reason == ExitReason::oom_kill) return Cause::oom;
    return exit.reason == ExitReason::unknown ? Cause::daemon : Cause::itself;
}

}  // namespace

EndRequest EndRequest::of_user(std::string_view verb, std::string_view who, int signal) {
    EndRequest request;
    request.cause = Cause::user;
    request.signal = signal;
    request.by = signal == 0 ? std::format("{} by {}", verb, who)
                             : std::format("{} {} by {}", verb, oci::signal_name(signal), who);
    return request;
}

bool RunRecord::failed() const {
    const bool asked = cause == Cause::user || cause == Cause::systemd || cause == Cause::idle;
    return exit.failed() && (!asked || timed_out);
}

RunRecord make_run_record(const Machine& before, TimePoint started, const ExitRecord& exit,
                          const EndRequest& request, const std::optional<Error>& failure,
                          const std::string& oom_cgroup) {
    RunRecord run;
    run.number = before.runs;
    if (!failure) run.started = started;
    run.exit = exit;
    run.cause = cause_of(exit, request, failure);
    if (counts(request, exit)) run.by = request.by;
    run.timed_out = request.timed_out;
    run.oom_cgroup = oom_cgroup;
    if (!failure) return run;
    run.step = failure->step;
    run.path = failure->path;
    run.error = failure->sys_errno;
    return run;
}

void remember(std::vector<RunRecord>& history, RunRecord run, std::size_t limit) {
    history.push_back(std::move(run));
    if (history.size() > limit)
        history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(limit));
}

const RunRecord* find_failure(const std::vector<RunRecord>& history) {
    for (const auto& run : history | std::views::reverse)
        if (run.failed()) return &run;
    return history.empty() ? nullptr : &history.back();
}

}  // namespace xctl::model
