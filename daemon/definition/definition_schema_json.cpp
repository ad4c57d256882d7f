// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/definition_schema.hpp"

#include <nlohmann/json.hpp>

#include "daemon/definition/definition_keys.hpp"
#include "lib/base/text.hpp"

namespace xctl::definition {
namespace {

using Json = nlohmann::ordered_json;

struct Describe {
    Json operator()(const Flag&) const { return {{"type", "boolean"}}; }
    Json operator()(const Number& type) const {
        return {{"type", "integer"}, {"minimum", type.minimum}, {"maximum", type.maximum}};
    }
    Json operator()(const Duration&) const { return {{"type", "integer"}, {"minimum", 0}}; }
    Json operator()(const Factor& type) const {
        return {{"type", "number"}, {"minimum", type.minimum}, {"maximum", type.maximum}};
    }
    Json operator()(const Path&) const { return {{"type", "string"}, {"pattern", "^/"}}; }
    Json operator()(const Signal&) const { return {{"type", "string"}}; }
    Json operator()(const Choice& type) const {
        return {{"enum", std::vector<std::string>(type.words.begin(), type.words.end())}};
    }
    Json operator()(const Text&) const { return {{"type", "string"}}; }
    Json operator()(const List&) const { return {{"type", "array"}, {"items", {{"type", "string"}}}}; }
    Json operator()(const Patch&) const { return {{"type", "object"}}; }
};

/// The object that has the last part of the pointer as a property; made on the way there.
Json& section_of(Json& schema, std::vector<std::string> tokens) {
    auto* at = &schema;
    tokens.pop_back();
    for (const auto& token : tokens) {
        auto& section = (*at)["properties"][token];
        if (section.is_null()) section = {{"type", "object"}, {"additionalProperties", false}};
        at = &section;
    }
    return *at;
}

}  // namespace

std::string definition_schema() {
    Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", "Definition of a container, xctl.container(5)"},
                {"type", "object"},
                {"additionalProperties", false}};
    const Definition standard;
    for (const auto& key : kKeys) {
        auto description = std::visit(Describe{}, key.type);
        description["description"] = key.help;
        auto value = Json::parse(value_text(key, standard));
        if (!value.is_null() && value != "") description["default"] = std::move(value);
        const auto tokens = split(key.name.substr(1), '/');
        section_of(schema, tokens)["properties"][tokens.back()] = std::move(description);
    }
    return schema.dump(4) + "\n";
}

}  // namespace xctl::definition
