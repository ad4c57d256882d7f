// SPDX-License-Identifier: LGPL-2.1-or-later
// Id maps: as the kernel reads them, and what they say, user_namespaces(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/plan/plan.hpp"

namespace xctl::launch {

[[nodiscard]] inline std::string id_map_text(const std::vector<plan::IdMap>& rows) {
    std::string text;
    for (const auto& row : rows)
        text += std::to_string(row.container_id) + " " + std::to_string(row.host_id) + " " +
                std::to_string(row.size) + "\n";
    return text;
}

/// The host's id of one in a user namespace; nothing when the map has no line for it.
[[nodiscard]] inline std::optional<std::uint32_t> host_id_of(std::uint32_t id, const std::vector<plan::IdMap>& map) {
    for (const auto& row : map)
        if (id >= row.container_id && id - row.container_id < row.size) return row.host_id + (id - row.container_id);
    return std::nullopt;
}

}  // namespace xctl::launch
