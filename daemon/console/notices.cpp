// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/notices.hpp"

#include <format>

#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::console {
namespace {

static_assert([] {
    for (std::size_t i = 0; i < kNotices.size(); ++i)
        if (static_cast<std::size_t>(kNotices[i].kind) != i) return false;
    return true;
}());

bool by_signal(const model::ExitRecord& exit) {
    return exit.reason == model::ExitReason::signal || exit.reason == model::ExitReason::oom_kill;
}

/// As systemd has them for the processes of its units.
std::string exit_fields(const model::ExitRecord& exit) {
    if (!by_signal(exit) && exit.reason != model::ExitReason::exited) return {};
    return std::format("EXIT_CODE={}\nEXIT_STATUS={}\n", by_signal(exit) ? "killed" : "exited", exit.status);
}

std::string exit_text(const model::ExitRecord& exit) {
    if (exit.reason != model::ExitReason::exited) return exit.message;
    const auto text = std::format("exited with status {}", exit.status);
    return exit.message.empty() ? text : text + "; " + exit.message;
}

}  // namespace

Notice notice_of_end(const model::RunRecord& run) {
    Notice notice;
    notice.kind = run.exit.reason == model::ExitReason::launch_failed ? NoticeKind::launch_failed : NoticeKind::ended;
    notice.fields = exit_fields(run.exit) + std::format("CONTAINER_RUN={}\nCONTAINER_END_CAUSE={}\n", run.number,
                                                        name_of(model::kCauses, run.cause));
    notice.text = exit_text(run.exit);
    if (!run.by.empty()) notice.text += "; after " + run.by;
    if (run.timed_out) notice.text += "; it did not end in time when it was asked to";
    return notice;
}

Notice notice_of_giving_up(const model::ExitRecord& last) {
    return {NoticeKind::gave_up, exit_text(last), exit_fields(last)};
}

Notice notice_of_ill_health(std::string_view why) {
    return {NoticeKind::unhealthy, std::format("unhealthy: {}", why), {}};
}

Notice notice_of_oom(std::uint64_t kills, std::string_view cgroup) {
    auto text = std::format("the kernel killed {} of its processes because its memory was used up", kills);
    if (cgroup.empty()) return {NoticeKind::out_of_memory, std::move(text), {}};
    return {NoticeKind::out_of_memory, std::move(text), std::format("CONTAINER_OOM_CGROUP={}\n", printable(cgroup))};
}

}  // namespace xctl::console
