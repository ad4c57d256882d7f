// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/limit_changes.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <optional>
#include <string>

#include "lib/base/table.hpp"

namespace xctl::container {
namespace {

/// What a new cgroup has, as cgroup-v2.rst says.
constexpr auto kDefaults = std::to_array<Named<std::string_view>>({
    {"cgroup.max.depth", "max"},
    {"cgroup.max.descendants", "max"},
    {"cpu.idle", "0"},
    {"cpu.max", "max 100000"},
    {"cpu.max.burst", "0"},
    {"cpu.weight", "100"},
    {"cpuset.cpus", "\n"},
    {"cpuset.mems", "\n"},
    {"memory.high", "max"},
    {"memory.low", "0"},
    {"memory.max", "max"},
    {"memory.min", "0"},
    {"memory.swap.max", "max"},
    {"pids.max", "max"},
});
static_assert(names_are_unique(kDefaults));

bool is_weight(const plan::FileWrite& row) { return row.file == "io.weight" || row.file == "io.bfq.weight"; }

/// Several rows may write one file: a line for each device. Which line this is; empty where there is only one.
std::string_view line_of(const plan::FileWrite& row) {
    const std::string_view value = row.value;
    if (row.file == "io.max") return value.substr(0, value.find('='));
    if (row.file == "rdma.max") return value.substr(0, value.find(' '));
    if (is_weight(row) && value.contains(' ')) return value.substr(0, value.find(' '));
    return {};
}

std::optional<std::string> default_of(const plan::FileWrite& row) {
    const auto line = line_of(row);
    if (row.file == "io.max") return std::format("{}=max", line);
    if (is_weight(row)) return line.empty() ? "default 100" : std::format("{} default", line);
    if (row.file == "rdma.max") return std::format("{} hca_handle=max hca_object=max", line);
    if (row.file.starts_with("hugetlb.") && row.file.ends_with(".max")) return "max";
    const auto standard = value_of(kDefaults, row.file);
    return standard ? std::optional(std::string(*standard)) : std::nullopt;
}

}  // namespace

Result<plan::Cgroup> limits_to_change(const plan::Cgroup& before, const plan::Cgroup& after) {
    auto out = after;
    for (const auto& row : before.files) {
        const bool stays = std::ranges::any_of(after.files, [&](const plan::FileWrite& other) {
            return other.file == row.file && line_of(other) == line_of(row);
        });
        if (stays) continue;
        const auto standard = default_of(row);
        if (!standard)
            return fail(Errc::unsupported, std::format("{}: can be taken back only by a restart", row.pointer));
        // Before the others: what they are allowed may depend on it.
        out.files.insert(out.files.begin(), {row.file, *standard, row.pointer, plan::Presence::optional});
    }
    for (const auto& controller : before.controllers)
        if (!std::ranges::contains(out.controllers, controller)) out.controllers.push_back(controller);
    return out;
}

}  // namespace xctl::container
