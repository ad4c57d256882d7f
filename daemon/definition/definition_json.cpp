// SPDX-License-Identifier: LGPL-2.1-or-later
// Definition <-> JSON, by the table of keys.
#include <format>
#include <nlohmann/json.hpp>

#include "daemon/definition/definition_keys.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "lib/oci/document.hpp"
#include "lib/oci/names.hpp"

namespace xctl::definition {
namespace {

using Json = nlohmann::ordered_json;
using Millis = std::chrono::milliseconds;

/// The rule that a value breaks, or empty.
using Rule = std::string;

constexpr std::uint64_t kYear = 365ULL * 24 * 3600 * 1'000'000;

Rule read_number(const Json& value, std::uint64_t minimum, std::uint64_t maximum, std::uint64_t& out) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < minimum || value.get<std::uint64_t>() > maximum)
        return std::format("must be a whole number from {} to {}", minimum, maximum);
    out = value.get<std::uint64_t>();
    return {};
}

/// "a", "b" or "c"
std::string alternatives(std::span<const std::string_view> words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i)
        out += std::format("{}\"{}\"", i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
    return out;
}

/// A value of each type, into a Definition.
struct Reader {
    const Json& value;
    Definition& definition;

    Rule operator()(const Flag& type) const {
        if (!value.is_boolean()) return "must be true or false";
        type.at(definition) = value.get<bool>();
        return {};
    }
    Rule operator()(const Number& type) const {
        return read_number(value, type.minimum, type.maximum, type.at(definition));
    }
    Rule operator()(const Duration& type) const {
        std::uint64_t usec = 0;
        if (auto rule = read_number(value, 0, kYear, usec); !rule.empty()) return rule;
        type.at(definition) = Millis(static_cast<std::int64_t>(usec / 1000));
        return {};
    }
    Rule operator()(const Factor& type) const {
        if (!value.is_number() || value.get<double>() < type.minimum || value.get<double>() > type.maximum)
            return std::format("must be a number from {} to {}", type.minimum, type.maximum);
        type.at(definition) = value.get<double>();
        return {};
    }
    Rule operator()(const Path& type) const {
        if (!text().starts_with('/')) return "must be an absolute path";
        type.at(definition) = text();
        return {};
    }
    Rule operator()(const Signal& type) const {
        if (!oci::parse_signal(text())) return "must be the name of a signal";
        type.at(definition) = text();
        return {};
    }
    Rule operator()(const Choice& type) const {
        if (!std::ranges::contains(type.words, text())) return "must be " + alternatives(type.words);
        type.set(definition, text());
        return {};
    }
    Rule operator()(const Text& type) const {
        if (!value.is_string()) return "must be a string";
        type.at(definition) = text();
        return type.rule(text());
    }
    Rule operator()(const List& type) const {
        const bool valid = value.is_array() && std::ranges::all_of(value, [&](const Json& item) {
            return item.is_string() && type.is_valid(item.get_ref<const std::string&>());
        });
        if (!valid) return std::format("must be an array of {}", type.items);
        type.at(definition) = value.get<std::vector<std::string>>();
        return {};
    }
    Rule operator()(const Patch& type) const {
        if (!value.is_object()) return "must be an object: a merge patch onto config.json";
        type.at(definition) = value.dump();
        return {};
    }

private:
    [[nodiscard]] std::string_view text() const {
        return value.is_string() ? std::string_view(value.get_ref<const std::string&>()) : std::string_view();
    }
};

Rule read(const Key& key, const Json& value, Definition& definition) {
    return std::visit(Reader{value, definition}, key.type);
}

/// The accessors give what may be written to; writing a file only looks.
struct Writer {
    Definition definition;

    Json operator()(const Flag& type) { return type.at(definition); }
    Json operator()(const Number& type) { return type.at(definition); }
    Json operator()(const Duration& type) { return static_cast<std::uint64_t>(type.at(definition).count()) * 1000; }
    Json operator()(const Factor& type) { return type.at(definition); }
    Json operator()(const Path& type) { return type.at(definition); }
    Json operator()(const Signal& type) { return type.at(definition); }
    Json operator()(const Choice& type) { return type.get(definition); }
    Json operator()(const Text& type) { return type.at(definition); }
    Json operator()(const List& type) { return type.at(definition); }
    Json operator()(const Patch& type) {
        const auto& text = type.at(definition);
        return text.empty() ? Json() : Json::parse(text, nullptr, false);
    }
};

bool is_section(std::string_view pointer) {
    return std::ranges::any_of(kKeys, [&](const Key& key) {
        return key.name.starts_with(pointer) && key.name.substr(pointer.size()).starts_with('/');
    });
}

/// A document, and where in it the members are.
struct Source {
    const NamedText& named;
    Json document;
    oci::Offsets offsets;

    [[nodiscard]] std::unexpected<Error> wrong(const std::string& pointer, const Rule& rule) const {
        const auto at = offsets.find(pointer);
        const auto place = at == offsets.end() ? "" : ":" + oci::line_and_column(named.text, at->second);
        return fail(Errc::invalid_document, std::format("{}{}: {}: {}", named.file, place, printable(pointer), rule));
    }
};

/// What nlohmann makes of a document is written and patched by functions that call themselves for every level, so that
/// the levels must be few, as in config.json.
Result<Source> parse(const NamedText& named) {
    Source source{named, {}, {}};
    TRY(oci::parse_document(named.text, named.file, &source.offsets));
    source.document = Json::parse(named.text, nullptr, false);
    if (!source.document.is_object()) return fail(Errc::invalid_document, named.file + ": /: must be an object");
    return source;
}

/// `source` is the file that was merged last.
Result<> read_object(const Source& source, const Json& object, const std::string& prefix, Definition& definition) {
    for (const auto& [name, value] : object.items()) {
        const auto pointer = prefix + "/" + oci::pointer_token(name);
        if (const auto* key = find_row(kKeys, pointer)) {
            if (const auto rule = read(*key, value, definition); !rule.empty()) return source.wrong(pointer, rule);
        } else if (is_section(pointer) && value.is_object()) {
            TRY(read_object(source, value, pointer, definition));
        } else {
            return source.wrong(pointer, is_section(pointer) ? "must be an object" : "is not a key of a definition");
        }
    }
    return {};
}

}  // namespace

Result<Definition> parse_definition(const std::vector<NamedText>& files) {
    Json merged;
    Definition definition;
    for (const auto& file : files) {
        const auto source = TRY(parse(file));
        // The base is no patch: null is a value there, and a wrong one.
        if (merged.is_null())
            merged = source.document;
        else
            merged.merge_patch(source.document);
        definition = {};
        TRY(read_object(source, merged, "", definition));
    }
    if (definition.bundle.empty())
        return fail(Errc::invalid_document, files.front().file + ": /bundle: is required");
    TRY(parse_checks(definition.checks), files.front().file);
    return definition;
}

std::string to_json(const Definition& definition) {
    Writer writer{definition}, standard{};
    Json out = Json::object();
    for (const auto& key : kKeys) {
        auto value = std::visit(writer, key.type);
        if (value != std::visit(standard, key.type)) out[Json::json_pointer(std::string(key.name))] = std::move(value);
    }
    return out.dump(4) + "\n";
}

std::string broken_rule(const Key& key, std::string_view value) {
    Definition scratch;
    return read(key, Json::parse(value, nullptr, false), scratch);
}

std::string value_text(const Key& key, const Definition& definition) {
    return std::visit(Writer{definition}, key.type).dump();
}

}  // namespace xctl::definition
