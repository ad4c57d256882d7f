// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/event_json.hpp"

#include <nlohmann/json.hpp>

namespace xctl {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& out, const char* name, const auto& value) { out[name] = value; }
void put(Json& out, const char* name, const std::optional<std::uint64_t>& value) {
    if (value) out[name] = *value;
}

}  // namespace

std::string to_json_line(const api::Event& event) {
    Json out;
    for (const auto& row : api::kEventFields)
        std::visit([&](auto member) { put(out, row.name.data(), event.*member); }, row.member);
    return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace xctl
