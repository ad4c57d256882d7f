// SPDX-License-Identifier: LGPL-2.1-or-later
// How the latest runs of a container went.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "daemon/model/container.hpp"
#include "lib/base/result.hpp"
#include "lib/base/table.hpp"

namespace xctl::model {

enum class Cause : std::uint8_t { itself, user, systemd, oom, health, hook, launch, daemon, idle };
inline constexpr std::array<Named<Cause>, 9> kCauses{{
    {"itself", Cause::itself}, {"user", Cause::user}, {"systemd", Cause::systemd}, {"oom", Cause::oom},
    {"health", Cause::health}, {"hook", Cause::hook}, {"launch", Cause::launch}, {"daemon", Cause::daemon},
    {"idle", Cause::idle},
}};

/// What was done to end the current run, so far.
struct EndRequest {
    Cause cause = Cause::itself;
    std::string by;         // "stop by uid 0"
    int signal = 0;         // sent by `kill`: it counts only if it is what the container died of. 0: a stop
    bool timed_out = false; // the stop had to kill

    [[nodiscard]] static EndRequest of_user(std::string_view verb, std::string_view who, int signal = 0);
};

struct RunRecord {
    std::uint64_t number = 0;
    TimePoint started{};  // of its program
    ExitRecord exit;
    Cause cause = Cause::itself;
    std::string by;
    bool timed_out = false;
    std::string oom_cgroup;
    std::string step, path;  // of a launch that failed
    int error = 0;
    std::string console;     // the last lines

    /// Other than by what somebody asked for.
    [[nodiscard]] bool failed() const;
};

/// What is to be remembered of a run that ended, except for its console.
[[nodiscard]] RunRecord make_run_record(const Machine& before, TimePoint started, const ExitRecord& exit,
                                        const EndRequest& request, const std::optional<Error>& failure,
                                        const std::string& oom_cgroup);

/// Adds it, and forgets the oldest beyond `limit`.
void remember(std::vector<RunRecord>& history, RunRecord run, std::size_t limit);

/// The last one that failed, or else the last one; nullptr without any.
[[nodiscard]] const RunRecord* find_failure(const std::vector<RunRecord>& history);

}  // namespace xctl::model
