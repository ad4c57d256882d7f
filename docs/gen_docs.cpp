// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills in the @MARKS@ of a manual page or completion script from the rows of api/ and client/options.hpp.
#include <algorithm>
#include <cstdio>
#include <format>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "api/errors.hpp"
#include "api/verbs.hpp"
#include "client/help.hpp"
#include "client/options.hpp"
#include "daemon/definition/definition_keys.hpp"

namespace {

using namespace xctl;
using client::is_option;
using client::is_positional;

std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '-' || c == '\\') out += '\\';
        out += c == '\\' ? 'e' : c;
    }
    return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string sentence(std::string_view text) { return roff(text) + ".\n"; }

std::string option_entry(std::string_view name, char letter, std::string_view value, std::string_view help) {
    std::string tag = letter ? std::format("\\fB\\-{}\\fR, ", letter) : std::string();
    tag += std::format("\\fB{}\\fR", roff(name));
    if (!value.empty()) tag += std::format("=\\fI{}\\fR", roff(value));
    return std::format(".TP\n{}\n{}", tag, sentence(help));
}

std::string verb_entry(const api::VerbRow& verb) {
    std::string out = std::format(".SS \"{}\"\n{}", roff(client::usage_of(verb)), sentence(verb.help));
    for (const auto& param : verb.params) {
        if (is_option(param)) out += option_entry(param.option, param.letter, param.value, param.help);
        if (client::is_words(param) || (is_positional(param) && !param.required))
            out += std::format(".TP\n\\fI{}\\fR\n{}", param.value, sentence(param.help));
    }
    for (const auto& row : client::kOptions)
        if (client::takes_option(verb.value, row)) out += option_entry(row.name, row.letter, row.value, row.help);
    return out;
}

std::string verbs() {
    std::string out;
    for (const auto& verb : api::kVerbs) out += verb_entry(verb);
    return out;
}

std::string options() {
    std::string out;
    for (const auto& row : client::kOptions)
        if (client::is_global(row)) out += option_entry(row.name, row.letter, row.value, row.help);
    return out;
}

std::string environment() {
    std::string out;
    for (const auto& row : client::kOptions)
        if (row.environment)
            out +=
                std::format(".TP\n.B {}\nThe value of {} where that is not given.\n", row.environment, roff(row.name));
    return out;
}

/// By number, with all that it can mean.
std::string exits() {
    std::map<int, std::string> meanings;
    for (const auto& row : api::kErrors) meanings[row.exit_status] += sentence(row.meaning);
    std::string out;
    for (const auto& [status, meaning] : meanings) out += std::format(".TP\n.B {}\n{}", status, meaning);
    return out;
}

std::string errors() {
    std::string out;
    for (const auto& row : api::kErrors) out += std::format(".TP\n.B {}\n{}", row.name, sentence(row.meaning));
    return out;
}

std::string_view wire_type(api::ParamKind kind) {
    switch (kind) {
        case api::ParamKind::text:
        case api::ParamKind::path: return "string";
        case api::ParamKind::list:
        case api::ParamKind::words: return "strings";
        case api::ParamKind::flag: return "boolean";
        case api::ParamKind::size: return "bytes";
        case api::ParamKind::duration: return "microseconds";
        case api::ParamKind::count: return "number";
        case api::ParamKind::time: return "microseconds since 1970";
    }
    return {};
}

std::string method_entry(const api::VerbRow& verb) {
    std::string out = std::format(".TP\n.B {}\n{}Action: {}{}.\n", verb.method, sentence(verb.help),
                                  roff(api::kPolkitPrefix), roff(verb.action));
    out += "Answers: ";
    for (const auto output : verb.outputs) out += std::format("{}{}", output == verb.outputs.front() ? "" : ", ",
                                                              api::output_row(output).name);
    out += verb.outputs.empty() ? "nothing.\n" : ".\n";
    if (api::can_be_followed(verb))
        out += std::format("Over varlink with\n.IR more ,\nand on D\\-Bus as\n.BR Follow{} ,\nagain and again.\n",
                           verb.method);
    if (verb.params.empty()) return out;
    out += ".RS\n";
    for (const auto& param : verb.params)
        out += std::format(".TP\n\\fB{}\\fR ({}{})\n{}", param.name, wire_type(param.kind),
                           param.required ? "" : ", optional", sentence(param.help));
    return out + ".RE\n";
}

std::string methods() {
    std::string out;
    for (const auto& verb : api::kVerbs) out += method_entry(verb);
    return out;
}

template <class Rows>
std::string fields_of(const Rows& rows) {
    std::string out;
    for (const auto& row : rows) out += std::format(".TP\n.B {}\n{}", row.name, sentence(row.help));
    return out;
}

std::string container() { return fields_of(api::kContainerFields); }
std::string client_fields() { return fields_of(api::kClientFields); }
std::string exec_fields() { return fields_of(api::kExecFields); }
std::string event() { return fields_of(api::kEventFields); }
std::string stats() { return fields_of(api::kStatsFields); }
std::string interface() { return fields_of(api::kInterfaceFields); }
std::string process() { return fields_of(api::kProcessFields); }
std::string run() { return fields_of(api::kRunFields); }

/// What a key takes, in the words of a manual page.
struct TypeText {
    std::string operator()(const definition::Flag&) const { return "boolean"; }
    std::string operator()(const definition::Number& type) const {
        return std::format("{} from {} to {}", type.unit, type.minimum, type.maximum);
    }
    std::string operator()(const definition::Duration&) const { return "microseconds"; }
    std::string operator()(const definition::Factor& type) const {
        return std::format("number from {} to {}", type.minimum, type.maximum);
    }
    std::string operator()(const definition::Path&) const { return "absolute path"; }
    std::string operator()(const definition::Signal&) const { return "name of a signal"; }
    std::string operator()(const definition::Choice& type) const {
        std::string out;
        for (const auto word : type.words) out += std::format("{}\"{}\"", out.empty() ? "" : ", ", word);
        return out;
    }
    std::string operator()(const definition::Text&) const { return "string"; }
    std::string operator()(const definition::List& type) const { return std::format("array of {}", type.items); }
    std::string operator()(const definition::Patch&) const { return "object"; }
};

std::string dotted(std::string_view pointer) {
    std::string out(pointer.substr(1));
    std::ranges::replace(out, '/', '.');
    return out;
}

std::string keys() {
    const definition::Definition none;
    std::string out;
    for (const auto& key : definition::kKeys) {
        const auto value = definition::value_text(key, none);
        const bool has_default = value != "\"\"" && value != "null" && value != "[]";
        const auto standard = key.standard.empty() ? (has_default ? value : "none") : std::string(key.standard);
        const auto requirement = key.name == "/bundle" ? "required" : "default " + standard;
        out += std::format(".TP\n.B {}\n({}, {}; a change counts {})\n.br\n{}", roff(dotted(key.name)),
                           roff(std::visit(TypeText{}, key.type)), roff(requirement),
                           name_of(definition::kApplies, key.applies), sentence(key.help));
    }
    return out;
}

std::string key_words() {
    std::string out;
    for (const auto& key : definition::kKeys) out += std::format("{}{}=", out.empty() ? "" : " ", dotted(key.name));
    return out;
}

/// The names that may stand after `xctl`, or after a group.
std::string words_of(std::string_view group) {
    std::string out;
    for (const auto& verb : api::kVerbs)
        if (verb.group == group) out += std::format("{}{}", out.empty() ? "" : " ", verb.name);
    return out;
}

std::string verb_words() {
    auto out = words_of({});
    for (const auto& group : api::kGroups) out += std::format(" {}", group.name);
    return out + " help";
}

std::string global_words() {
    std::string out;
    for (const auto& row : client::kOptions)
        if (client::is_global(row)) out += std::format("{}{}", out.empty() ? "" : " ", row.name);
    return out;
}

std::string global_valued() {
    std::string out;
    for (const auto& row : client::kOptions) {
        if (!client::is_global(row) || row.value.empty()) continue;
        out += std::format("{}{}", out.empty() ? "" : " ", row.name);
        if (row.letter) out += std::format(" -{}", row.letter);
    }
    return out;
}

/// What a shell can offer for a positional parameter. The name of a new container is the user's to invent.
std::string_view completed_by(const api::VerbRow& verb, const api::Param& param) {
    const bool makes = std::ranges::any_of(verb.params, [](const auto& p) { return p.kind == api::ParamKind::path; });
    if (param.kind == api::ParamKind::path) return "directory";
    if (param.value == "SIGNAL") return "signal";
    if (param.kind == api::ParamKind::words) return "setting";
    return makes ? "nothing" : "container";
}

/// One line of the completion's case statement.
std::string completion_case(const api::VerbRow& verb) {
    std::string flags, valued, arguments;
    const auto add = [](std::string& list, std::string_view word) { (list += list.empty() ? "" : " ") += word; };
    for (const auto& param : verb.params) {
        if (is_option(param)) add(param.kind == api::ParamKind::flag ? flags : valued, param.option);
        if (is_option(param) && param.letter && !param.value.empty()) add(valued, std::format("-{}", param.letter));
        if (is_positional(param)) add(arguments, completed_by(verb, param));
    }
    for (const auto& row : client::kOptions)
        if (client::takes_option(verb.value, row)) add(row.value.empty() ? flags : valued, row.name);
    return std::format("        '{}') flags='{}' valued='{}' arguments='{}' ;;\n", api::full_name(verb), flags, valued,
                       arguments);
}

std::string completion_cases() {
    std::string out;
    for (const auto& group : api::kGroups)
        out += std::format("        {}) verbs='{}' ;;\n", group.name, words_of(group.name));
    for (const auto& verb : api::kVerbs) out += completion_case(verb);
    return out;
}

constexpr std::array<Named<std::string (*)()>, 20> kMarks{{
    {"VERBS", verbs},
    {"OPTIONS", options},
    {"ENVIRONMENT", environment},
    {"EXITS", exits},
    {"ERRORS", errors},
    {"METHODS", methods},
    {"CONTAINER", container},
    {"CLIENT", client_fields},
    {"EXEC", exec_fields},
    {"EVENT", event},
    {"STATS", stats},
    {"INTERFACE", interface},
    {"PROCESS", process},
    {"RUN", run},
    {"KEYS", keys},
    {"KEY_WORDS", key_words},
    {"VERB_WORDS", verb_words},
    {"GLOBAL_WORDS", global_words},
    {"GLOBAL_VALUED", global_valued},
    {"COMPLETION_CASES", completion_cases},
}};
static_assert(names_are_unique(kMarks));

/// A mark that ends its line brings its own line ends.
std::string filled(std::string text) {
    for (const auto& [name, make] : kMarks) {
        const auto mark = std::format("@{}@", name);
        for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
            const auto content = make();
            const bool whole_line = content.ends_with('\n');
            text.replace(at, mark.size() + (whole_line ? 1 : 0), content);
            at += content.size();
        }
    }
    return text;
}

}  // namespace

int main(int argc, char** argv) {
    std::ifstream input(argc == 2 ? argv[1] : "");
    std::stringstream text;
    if (!(text << input.rdbuf())) {
        std::cerr << "usage: gen-docs INPUT\n";
        return 1;
    }
    std::cout << filled(text.str());
    return std::cout.flush() ? 0 : 1;
}
