// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "api/limits.hpp"
#include "daemon/definition/definition_keys.hpp"
#include "daemon/definition/settings.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/config_types.hpp"
#include "lib/oci/document.hpp"

namespace xctl::definition {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kConfig = "/config";

Json parse(std::string_view text) { return Json::parse(text, nullptr, false); }

/// Characters that JSON cannot have are replaced: a file name may hold any byte.
std::string dump(const Json& value, int indent = -1) {
    return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string unescaped(std::string token) {
    for (std::size_t at = 0; (at = token.find('~', at)) != std::string::npos; ++at)
        token.replace(at, 2, token.substr(at, 2) == "~1" ? "/" : "~");
    return token;
}

std::vector<std::string> tokens_of(std::string_view pointer) {
    std::vector<std::string> out;
    for (auto& token : split(pointer.substr(1), '/')) out.push_back(unescaped(std::move(token)));
    return out;
}

/// What is not an object on the way there becomes one, as by a merge patch.
void put(Json& document, std::string_view pointer, Json value) {
    auto* at = &document;
    for (const auto& token : tokens_of(pointer)) {
        if (!at->is_object()) *at = Json::object();
        at = &(*at)[token];
    }
    *at = std::move(value);
}

const Json* find(const Json& document, std::string_view pointer) {
    const auto* at = &document;
    for (const auto& token : tokens_of(pointer)) {
        if (!at->is_object()) return nullptr;
        const auto found = at->find(token);
        if (found == at->end()) return nullptr;
        at = &*found;
    }
    return at;
}

/// Calls `visit` with the pointer and value of everything that is not an object with members.
void visit_leaves(const Json& value, const std::string& pointer, const auto& visit) {
    if (!value.is_object() || value.empty()) return visit(pointer, value);
    for (const auto& [name, member] : value.items())
        visit_leaves(member, pointer + "/" + oci::pointer_token(name), visit);
}

const Key* key_of(std::string_view pointer) { return find_row(kKeys, pointer); }

/// restart.policy is written with dots, and so is what lies below config; names with dots in them need a pointer.
std::string to_pointer(std::string_view word) {
    if (word.starts_with('/')) return std::string(word);
    std::string out = "/" + std::string(word);
    std::ranges::replace(out, '.', '/');
    return out;
}

/// The text of a value, by the type of its key, as JSON. What cannot be read so is left as it is, to be refused by the
/// rule of the key.
struct ToJson {
    std::string_view text;

    Json operator()(const Flag&) const {
        if (text == "yes" || text == "true") return true;
        if (text == "no" || text == "false") return false;
        return text;
    }
    Json operator()(const Number&) const {
        const auto number = parse_size(text);
        return number ? Json(*number) : Json(text);
    }
    /// As in the file without a unit: microseconds.
    Json operator()(const Duration&) const {
        if (const auto usec = parse_unsigned(text)) return *usec;
        const auto duration = parse_duration(text);
        return duration ? Json(static_cast<std::uint64_t>(duration->count()) * 1000) : Json(text);
    }
    Json operator()(const Factor&) const { return json_or_text(); }
    Json operator()(const Path&) const { return text; }
    Json operator()(const Signal&) const { return text; }
    Json operator()(const Choice&) const { return text; }
    Json operator()(const Text&) const { return text; }
    /// Words with commas, or an array, since a word may have commas of its own.
    Json operator()(const List&) const { return text.starts_with('[') ? json_or_text() : Json(split(text, ',')); }
    Json operator()(const Patch&) const { return json_or_text(); }

    [[nodiscard]] Json json_or_text() const {
        // Writing goes down by calling itself, so that the levels must be few, as in a file.
        return oci::parse_document(text, "") ? parse(text) : Json(text);
    }
};

/// The text of a member of config.json, by its type there, as JSON. A text of which no field is known, or that cannot be
/// read so, is JSON if it can be, and else a string.
Json config_to_json(std::string_view pointer, std::string_view text) {
    const auto path = tokens_of(pointer.substr(kConfig.size()));
    const ToJson value{text};
    switch (oci::config_type_of(path).value_or(oci::ConfigType::other)) {
        case oci::ConfigType::flag: return value(Flag{});
        case oci::ConfigType::number: return parse_size(text) ? value(Number{}) : value.json_or_text();
        case oci::ConfigType::text: return text.starts_with('"') ? value.json_or_text() : Json(text);
        case oci::ConfigType::words: return value(List{});
        case oci::ConfigType::other: break;
    }
    return value.json_or_text();
}

Result<Assignment> parse_assignment(std::string_view word) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    if (equals == std::string_view::npos || name.empty())
        return fail(Errc::invalid_argument, std::format("{}: must be KEY=VALUE", xctl::quoted(word)));
    auto pointer = to_pointer(name);
    const auto text = word.substr(equals + 1);
    const auto* key = key_of(pointer);
    if (key == nullptr && !is_within(pointer, kConfig))
        return fail(Errc::invalid_argument, std::format("{}: is not a key of a definition", xctl::quoted(name)));
    if (tokens_of(pointer).size() > oci::kMaxDocumentDepth)
        return fail(Errc::invalid_argument, std::format("{}: has too many levels", xctl::quoted(name)));
    if (text.empty()) return Assignment{std::move(pointer), "null"};
    const auto value = key ? std::visit(ToJson{text}, key->type) : config_to_json(pointer, text);
    if (const auto rule = key ? broken_rule(*key, dump(value)) : std::string(); !rule.empty())
        return fail(Errc::invalid_argument, std::format("{}: {}", name, rule));
    return Assignment{std::move(pointer), dump(value)};
}

/// Where the members of a file are.
struct Places {
    oci::Offsets offsets;
    std::vector<std::size_t> newlines;  // offsets, too

    explicit Places(std::string_view text) {
        for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
            newlines.push_back(at);
    }
    [[nodiscard]] std::size_t line_of(std::size_t offset) const {
        return static_cast<std::size_t>(std::ranges::lower_bound(newlines, offset) - newlines.begin()) + 1;
    }
};

/// The last file that has a member there decided about it: what comes later only adds.
std::string origin_of(const std::vector<NamedText>& files, const std::vector<Places>& places,
                      const std::string& pointer) {
    for (auto i = files.size(); i-- > 0;) {
        const auto at = places[i].offsets.find(pointer);
        if (at == places[i].offsets.end()) continue;
        return std::format("{}:{}", files[i].file, places[i].line_of(at->second));
    }
    return {};
}

}  // namespace

bool is_within(std::string_view key, std::string_view ancestor) {
    return key == ancestor || (key.starts_with(ancestor) && key.substr(ancestor.size()).starts_with('/'));
}

Result<std::vector<Assignment>> parse_assignments(const std::vector<std::string>& words) {
    // The call looks for each setting in each file of the definition.
    if (words.size() > api::kMaxSettings)
        return fail(Errc::invalid_argument, std::format("{} settings are too many for one call, which takes {}",
                                                        words.size(), api::kMaxSettings));
    std::vector<Assignment> out;
    for (const auto& word : words) out.push_back(TRY(parse_assignment(word)));
    if (out.empty()) return fail(Errc::invalid_argument, "nothing is to be set");
    return out;
}

Error blaming(Error error, const std::vector<std::string>& words, const std::vector<Assignment>& assignments) {
    if (error.code != Errc::invalid_document) return error;
    for (std::size_t i = 0; i < assignments.size(); ++i) {
        if (!is_within(assignments[i].key, kConfig)) continue;
        const auto place = ": " + assignments[i].key.substr(kConfig.size());
        const auto at = error.message.find(place);
        const auto next = at == std::string::npos ? at : at + place.size();
        if (next >= error.message.size() || (error.message[next] != ':' && error.message[next] != '/')) continue;
        error.message = words[i] + ": " + error.message.substr(error.message.find(' ', next) + 1);
        error.code = Errc::invalid_argument;
        break;
    }
    return error;
}

Result<std::string> with_assignments(const NamedText& file, const std::vector<Assignment>& assignments) {
    auto document = Json::object();
    if (!file.text.empty()) {
        TRY(oci::parse_document(file.text, file.file));
        document = parse(file.text);
        if (!document.is_object()) return fail(Errc::invalid_document, file.file + ": /: must be an object");
    }
    for (const auto& [key, value] : assignments) put(document, key, parse(value));
    return dump(document, 4) + "\n";
}

std::vector<api::Setting> list_settings(const std::vector<NamedText>& files) {
    Json merged;
    std::vector<Places> places;
    std::vector<Json> documents;
    for (const auto& file : files) {
        (void)oci::parse_document(file.text, file.file, &places.emplace_back(file.text).offsets);
        const auto& document = documents.emplace_back(parse(file.text));
        if (places.size() == 1)
            merged = document;
        else
            merged.merge_patch(document);
    }
    const auto is_said = [&](const std::string& pointer) {
        return std::ranges::any_of(documents, [&](const Json& document) {
            const auto* value = find(document, pointer);
            return value != nullptr && value->is_object() && value->empty();
        });
    };
    std::vector<api::Setting> out;
    visit_leaves(merged, "", [&](const std::string& pointer, const Json& value) {
        // A value that was taken back leaves the objects around it, which no file has as they are.
        if (value.is_object() && !pointer.empty() && !is_said(pointer)) return;
        out.push_back({pointer, dump(value), origin_of(files, places, pointer), {}});
    });
    return out;
}

std::string whole_document(const Definition& definition, std::string_view config_text,
                           const std::vector<std::string>& args) {
    auto document = parse(to_json(definition));
    auto config = parse(config_text);
    if (!definition.config_patch.empty()) config.merge_patch(parse(definition.config_patch));
    document["config"] = std::move(config);
    if (!args.empty()) put(document, "/config/process/args", args);
    return dump(document);
}

std::string config_of(std::string_view whole) {
    const auto document = parse(whole);
    const auto* config = document.is_object() ? find(document, kConfig) : nullptr;
    return config != nullptr ? dump(*config) : std::string();
}

std::string with_values_of(std::string_view running, std::string_view now, const std::vector<std::string>& keys) {
    auto document = parse(running);
    const auto source = parse(now);
    for (const auto& key : keys) {
        const auto* value = find(source, key);
        // Null in a merge patch takes out what has no value now.
        Json change;
        put(change, key, value != nullptr ? *value : Json());
        // Whole, so that members that are gone go.
        Json clear;
        put(clear, key, Json());
        document.merge_patch(clear);
        document.merge_patch(change);
    }
    return dump(document);
}

std::vector<api::Setting> differences(std::string_view running, std::string_view now) {
    std::vector<api::Setting> out;
    const auto before = parse(running), after = parse(now);
    visit_leaves(after, "", [&](const std::string& pointer, const Json& value) {
        if (pointer.empty()) return;  // there is nothing in it
        const auto* old = find(before, pointer);
        if (old == nullptr || *old != value) out.push_back({pointer, dump(value), {}, old ? dump(*old) : ""});
    });
    visit_leaves(before, "", [&](const std::string& pointer, const Json& value) {
        if (!pointer.empty() && find(after, pointer) == nullptr) out.push_back({pointer, {}, {}, dump(value)});
    });
    return out;
}

}  // namespace xctl::definition
