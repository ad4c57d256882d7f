// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/event_json.hpp"

#include <nlohmann/json.hpp>

#include "api/encode.hpp"

namespace xctl::transport {
namespace {

using Json = nlohmann::ordered_json;

struct JsonObject {
    Json json = Json::object();
    void add(std::string_view name, Json value) { json[std::string(name)] = std::move(value); }
};

struct JsonWriter {
    using Object = JsonObject;
    static constexpr auto kLeavesOut = api::LeavesOut::nothing;

    static Json text(const std::string& value) { return value; }
    static Json flag(bool value) { return value; }
    static Json number(auto value) { return value; }
    static Json nothing() { return nullptr; }
    static Json list(std::vector<Json> elements) { return elements; }
    static Json finish(Object& object) { return std::move(object.json); }
};

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string to_json_line(const api::Event& event) {
    JsonWriter writer;
    return to_line(api::write(writer, event));
}

std::string to_json_line(const api::VerbRow& verb, const api::Reply& reply) {
    JsonWriter writer;
    JsonObject out;
    const auto leave_out = [](std::string_view, const UniqueFd&) { return Result<>(); };
    // Only what leave_out() returns could fail.
    (void)api::write_reply(writer, out, verb, reply, leave_out);
    return to_line(out.json);
}

}  // namespace xctl::transport
