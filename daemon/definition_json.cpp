// SPDX-License-Identifier: LGPL-2.1-or-later
// Definition <-> JSON, by one table of keys.
#include <array>
#include <format>
#include <nlohmann/json.hpp>

#include "daemon/definition.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/document.hpp"
#include "lib/oci/names.hpp"
#include "lib/plan/seccomp_profile.hpp"

namespace xctl {
namespace {

using Json = nlohmann::ordered_json;
using plan::kDefaultProfile;
using Millis = std::chrono::milliseconds;

/// The rule that a value breaks, or empty.
using Rule = std::string;

Rule read_flag(const Json& value, bool& out) {
    if (!value.is_boolean()) return "must be true or false";
    out = value.get<bool>();
    return {};
}

Rule read_number(const Json& value, std::uint64_t minimum, std::uint64_t maximum, std::uint64_t& out) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < minimum || value.get<std::uint64_t>() > maximum)
        return std::format("must be a whole number from {} to {}", minimum, maximum);
    out = value.get<std::uint64_t>();
    return {};
}

Rule read_usec(const Json& value, Millis& out) {
    constexpr std::uint64_t kYear = 365ULL * 24 * 3600 * 1'000'000;
    std::uint64_t usec = 0;
    if (auto rule = read_number(value, 0, kYear, usec); !rule.empty()) return rule;
    out = Millis(static_cast<std::int64_t>(usec / 1000));
    return {};
}

Rule read_bundle(const Json& value, Definition& d) {
    if (!value.is_string() || !value.get_ref<const std::string&>().starts_with('/'))
        return "must be an absolute path";
    d.bundle = value.get<std::string>();
    return {};
}

Rule read_policy(const Json& value, Definition& d) {
    const auto when = value.is_string() ? value_of(kRestartPolicies, value.get_ref<const std::string&>()) : std::nullopt;
    if (!when) return "must be \"no\", \"on-failure\" or \"always\"";
    d.restart.when = *when;
    return {};
}

Rule read_multiplier(const Json& value, Definition& d) {
    if (!value.is_number() || value.get<double>() < 1 || value.get<double>() > 100)
        return "must be a number from 1 to 100";
    d.restart.multiplier = value.get<double>();
    return {};
}

Rule read_limit(const Json& value, Definition& d) {
    std::uint64_t limit = 0;
    auto rule = read_number(value, 0, 1'000'000, limit);
    if (rule.empty()) d.restart.limit = static_cast<unsigned>(limit);
    return rule;
}

Rule read_signal(const Json& value, Definition& d) {
    if (!value.is_string() || !oci::parse_signal(value.get_ref<const std::string&>()))
        return "must be the name of a signal";
    d.stop_signal = value.get<std::string>();
    return {};
}

Rule read_seccomp(const Json& value, Definition& d) {
    if (!value.is_string() || value.get_ref<const std::string&>() != kDefaultProfile)
        return std::format("must be \"{}\"", kDefaultProfile);
    d.default_seccomp = true;
    return {};
}

Rule read_config(const Json& value, Definition& d) {
    if (!value.is_object()) return "must be an object: a merge patch onto config.json";
    d.config_patch = value.dump();
    return {};
}

struct Key {
    std::string_view name;  // JSON pointer
    Rule (*read)(const Json& value, Definition& definition);
};

constexpr std::array kKeys{
    Key{"/bundle", read_bundle},
    Key{"/autostart", [](const Json& v, Definition& d) { return read_flag(v, d.autostart); }},
    Key{"/removeWhenStopped", [](const Json& v, Definition& d) { return read_flag(v, d.remove_when_stopped); }},
    Key{"/restart/policy", read_policy},
    Key{"/restart/delayUSec", [](const Json& v, Definition& d) { return read_usec(v, d.restart.delay); }},
    Key{"/restart/maxDelayUSec", [](const Json& v, Definition& d) { return read_usec(v, d.restart.max_delay); }},
    Key{"/restart/multiplier", read_multiplier},
    Key{"/restart/limit", read_limit},
    Key{"/restart/windowUSec", [](const Json& v, Definition& d) { return read_usec(v, d.restart.window); }},
    Key{"/console/scrollback",
        [](const Json& v, Definition& d) { return read_number(v, kMinScrollback, kMaxScrollback, d.scrollback); }},
    Key{"/stop/signal", read_signal},
    Key{"/stop/timeoutUSec", [](const Json& v, Definition& d) { return read_usec(v, d.stop_timeout); }},
    Key{"/seccomp", read_seccomp},
    Key{"/config", read_config},
};
static_assert(names_are_unique(kKeys));

bool is_section(std::string_view pointer) {
    return std::ranges::any_of(kKeys, [&](const Key& key) {
        return key.name.starts_with(pointer) && key.name.substr(pointer.size()).starts_with('/');
    });
}

/// A member's name as a part of a JSON pointer, so that "restart/policy" is not taken for two levels. Control characters
/// become '?', since the text may reach a terminal.
std::string escaped(std::string_view name) {
    std::string out;
    for (const char c : name) {
        const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, is_control ? '?' : c);
    }
    return out;
}

Result<> read_object(const std::string& file, const Json& object, const std::string& prefix, Definition& definition) {
    for (const auto& [name, value] : object.items()) {
        const auto pointer = prefix + "/" + escaped(name);
        if (const auto* key = find_row(kKeys, pointer)) {
            if (const auto rule = key->read(value, definition); !rule.empty())
                return fail(Errc::invalid_document, std::format("{}: {}: {}", file, pointer, rule));
        } else if (is_section(pointer) && value.is_object()) {
            TRY(read_object(file, value, pointer, definition));
        } else {
            return fail(Errc::invalid_document,
                        std::format("{}: {}: {}", file, pointer,
                                    is_section(pointer) ? "must be an object" : "is not a key of a definition"));
        }
    }
    return {};
}

/// nlohmann reports syntax errors only by exceptions; they end here. What it makes of a document is written and patched
/// by functions that call themselves for every level, so that the levels must be few, as in config.json.
Result<Json> parse(const NamedText& source) {
    try {
        auto document = Json::parse(source.text);
        if (!document.is_object())
            return fail(Errc::invalid_document, source.file + ": /: must be an object");
        TRY(oci::parse_document(source.text, source.file));
        return document;
    } catch (const nlohmann::json::exception& error) {
        // What comes next quotes the file, which may hold anything.
        const std::string_view reason = error.what();
        return fail(Errc::invalid_document,
                    std::format("{}: {}", source.file, reason.substr(0, reason.find("; last read"))));
    }
}

/// Sets `pointer` in `out` unless the value is the default.
template <class T>
void put(Json& out, const char* pointer, const T& value, const T& standard) {
    if (value != standard) out[Json::json_pointer(pointer)] = value;
}

std::uint64_t usec(Millis duration) { return static_cast<std::uint64_t>(duration.count()) * 1000; }

}  // namespace

Result<Definition> parse_definition(const NamedText& base, const std::vector<NamedText>& drop_ins) {
    auto merged = TRY(parse(base));
    Definition definition;
    TRY(read_object(base.file, merged, "", definition));
    for (const auto& drop_in : drop_ins) {
        const auto patch = TRY(parse(drop_in));
        merged.merge_patch(patch);
        definition = {};
        TRY(read_object(drop_in.file, merged, "", definition));
    }
    if (definition.bundle.empty())
        return fail(Errc::invalid_document, base.file + ": /bundle: is required");
    return definition;
}

std::string to_json(const Definition& d) {
    const Definition standard;
    Json out = Json::object();
    out["bundle"] = d.bundle;
    put(out, "/autostart", d.autostart, standard.autostart);
    put(out, "/removeWhenStopped", d.remove_when_stopped, standard.remove_when_stopped);
    put(out, "/restart/policy", name_of(kRestartPolicies, d.restart.when),
        name_of(kRestartPolicies, standard.restart.when));
    put(out, "/restart/delayUSec", usec(d.restart.delay), usec(standard.restart.delay));
    put(out, "/restart/maxDelayUSec", usec(d.restart.max_delay), usec(standard.restart.max_delay));
    put(out, "/restart/multiplier", d.restart.multiplier, standard.restart.multiplier);
    put(out, "/restart/limit", d.restart.limit, standard.restart.limit);
    put(out, "/restart/windowUSec", usec(d.restart.window), usec(standard.restart.window));
    put(out, "/console/scrollback", d.scrollback, standard.scrollback);
    put(out, "/stop/signal", d.stop_signal, standard.stop_signal);
    put(out, "/stop/timeoutUSec", usec(d.stop_timeout), usec(standard.stop_timeout));
    if (d.default_seccomp) out["seccomp"] = std::string(kDefaultProfile);
    if (!d.config_patch.empty()) out["config"] = Json::parse(d.config_patch, nullptr, false);
    return out.dump(4) + "\n";
}

Result<std::string> with_autostart(const NamedText& file, bool autostart) {
    auto document = TRY(parse(file));
    document["autostart"] = autostart;
    return document.dump(4) + "\n";
}

}  // namespace xctl
