// SPDX-License-Identifier: LGPL-2.1-or-later
// Id maps as the kernel reads them, user_namespaces(7).
#pragma once

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

}  // namespace xctl::launch
