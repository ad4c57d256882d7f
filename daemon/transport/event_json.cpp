// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/event_json.hpp"

#include <nlohmann/json.hpp>

namespace xctl::transport {
namespace {

using Json = nlohmann::ordered_json;

void set(Json& out, const char* name, const auto& value) { out[name] = value; }
void set(Json& out, const char* name, const std::optional<std::uint64_t>& value) {
    out[name] = value ? Json(*value) : Json(nullptr);
}

template <api::Structure T>
Json to_json(const T& value) {
    Json out = Json::object();
    for (const auto& row : api::Described<T>::kFields)
        std::visit([&](auto member) { set(out, row.name.data(), value.*member); }, row.member);
    return out;
}

template <api::Structure T>
Json to_json(const std::vector<T>& values) {
    Json out = Json::array();
    for (const auto& value : values) out.push_back(to_json(value));
    return out;
}

Json to_json(const std::string& text) { return text; }
Json to_json(std::uint64_t number) { return number; }
Json to_json(const UniqueFd&) { return nullptr; }

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string to_json_line(const api::Event& event) { return to_line(to_json(event)); }

std::string to_json_line(const api::VerbRow& verb, const api::Reply& reply) {
    Json out = Json::object();
    for (const auto output : verb.outputs) {
        auto json = api::visit_output(output, reply, [](const auto& value) { return to_json(value); });
        if (!json.is_null()) out[std::string(api::output_row(output).name)] = std::move(json);
    }
    return to_line(out);
}

}  // namespace xctl::transport
