// SPDX-License-Identifier: LGPL-2.1-or-later
// Notices for an administrator's monitoring: journal entries of xctld with a MESSAGE_ID, systemd.journal-fields(7).
// units/xctl.catalog explains them.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "daemon/model/run_history.hpp"

namespace xctl::console {

enum class NoticeKind : std::uint8_t { ended, launch_failed, gave_up, unhealthy, out_of_memory };

struct NoticeRow {
    NoticeKind kind;
    std::string_view message_id;
    int priority;  // as syslog has it
};

inline constexpr std::array<NoticeRow, 5> kNotices{{
    {NoticeKind::ended, "888d35b8ebf443c396bb5da59038436f", 4},
    {NoticeKind::launch_failed, "36347cd29cb64d3f876de0ea9b0c8252", 3},
    {NoticeKind::gave_up, "f8d5dc4333624c318fd06b0e2351a3ba", 3},
    {NoticeKind::unhealthy, "fd02a458b9374271bba07fe5e1185b8e", 4},
    {NoticeKind::out_of_memory, "d9235cafd6bb4e28977a600cb9123195", 4},
}};

struct Notice {
    NoticeKind kind{};
    std::string text;    // without the container's name, which comes first
    std::string fields;  // lines NAME=VALUE, whose values have no line ends

    [[nodiscard]] const NoticeRow& row() const { return kNotices[static_cast<std::size_t>(kind)]; }
};

/// Of a run that failed.
[[nodiscard]] Notice notice_of_end(const model::RunRecord& run);
/// Of the last run of a container that its policy has given up.
[[nodiscard]] Notice notice_of_giving_up(const model::ExitRecord& last);
[[nodiscard]] Notice notice_of_ill_health(std::string_view why);
[[nodiscard]] Notice notice_of_oom(std::uint64_t kills, std::string_view cgroup);

}  // namespace xctl::console
