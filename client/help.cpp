// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/help.hpp"

#include <algorithm>
#include <format>
#include <vector>

namespace xctl::client {
namespace {

struct Line {
    std::string left;
    std::string_view right;
};

std::string aligned(const std::vector<Line>& lines) {
    std::size_t width = 0;
    for (const auto& line : lines) width = std::max(width, line.left.size());
    std::string out;
    for (const auto& line : lines) out += std::format("  {:<{}}  {}\n", line.left, width, line.right);
    return out;
}

std::string option_text(std::string_view name, char letter, std::string_view value) {
    std::string out = letter ? std::format("-{}, {}", letter, name) : std::format("    {}", name);
    if (!value.empty()) out += std::format("={}", value);
    return out;
}

std::vector<Line> options_of(const api::VerbRow& verb) {
    std::vector<Line> lines;
    for (const auto& param : verb.params)
        if (is_option(param)) lines.push_back({option_text(param.option, param.letter, param.value), param.help});
    for (const auto& row : kOptions)
        if (takes_option(verb.value, row)) lines.push_back({option_text(row.name, row.letter, row.value), row.help});
    return lines;
}

std::vector<Line> arguments_of(const api::VerbRow& verb) {
    std::vector<Line> lines;
    for (const auto& param : verb.params)
        if (is_positional(param) || is_words(param))
            lines.push_back({std::string(param.value), param.help});
    return lines;
}

void add_global_options(std::vector<Line>& lines) {
    for (const auto& row : kOptions)
        if (is_global(row)) lines.push_back({option_text(row.name, row.letter, row.value), row.help});
}

std::vector<Line> verbs_of(const api::VerbTable& table, std::string_view group) {
    std::vector<Line> lines;
    for (const auto& verb : table.verbs)
        if (verb.group == group) lines.push_back({usage_of(verb), verb.help});
    return lines;
}

std::string options_of_all() {
    std::vector<Line> options;
    add_global_options(options);
    return std::format("\nOptions:\n{}", aligned(options));
}

}  // namespace

std::string usage_of(const api::VerbRow& verb) {
    std::string out = api::full_name(verb);
    for (const bool required : {true, false})
        for (const auto& param : verb.params)
            if (is_positional(param) && param.required == required)
                out += std::format(" {}{}{}", required ? "" : "[", param.value, required ? "" : "]");
    if (!options_of(verb).empty()) out += " [OPTION]...";
    for (const auto& param : verb.params)
        if (is_words(param))
            out += param.required ? std::format(" -- {}...", param.value) : std::format(" [-- {}...]", param.value);
    return out;
}

std::string help_of(const api::VerbRow& verb) {
    std::string out = std::format("Usage: xctl {}\n\n{}.\n", usage_of(verb), verb.help);
    if (const auto lines = arguments_of(verb); !lines.empty()) out += std::format("\nArguments:\n{}", aligned(lines));
    auto lines = options_of(verb);
    add_global_options(lines);
    return out + std::format("\nOptions:\n{}", aligned(lines));
}

std::string help_of(const api::GroupRow& group, const api::VerbTable& table) {
    return std::format("Usage: xctl {} VERB [ARGUMENT]... [OPTION]...\n\n{}.\n\nVerbs:\n{}{}", group.name, group.help,
                       aligned(verbs_of(table, group.name)), options_of_all());
}

std::string help_of(const api::VerbTable& table) {
    auto lines = verbs_of(table, {});
    for (const auto& group : table.groups) lines.push_back({std::format("{} VERB", group.name), group.help});
    lines.push_back({"help [VERB]", "Show help"});
    return std::format("Usage: xctl VERB [ARGUMENT]... [OPTION]...\n\nVerbs:\n{}{}", aligned(lines), options_of_all());
}

}  // namespace xctl::client
