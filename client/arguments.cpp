// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/arguments.hpp"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <format>
#include <optional>

#include "client/environment.hpp"
#include "lib/base/text.hpp"
#include "lib/base/time_text.hpp"
#include "lib/cli/option_words.hpp"

namespace xctl::client {
namespace {

using api::Param;
using api::ParamKind;

/// An option of either table.
struct Option {
    const Param* param = nullptr;
    const OptionRow* row = nullptr;

    [[nodiscard]] explicit operator bool() const { return param != nullptr || row != nullptr; }
    [[nodiscard]] std::string_view name() const { return param ? param->option : row->name; }
    [[nodiscard]] bool is_flag() const { return param ? param->kind == ParamKind::flag : row->value.empty(); }
};

std::string working_directory() {
    std::string buffer(PATH_MAX, '\0');
    return ::getcwd(buffer.data(), buffer.size()) ? std::string(buffer.c_str()) : std::string("/");
}

using Words = std::vector<std::string>;

Result<std::uint64_t> parse_number(ParamKind kind, std::string_view text) {
    if (kind == ParamKind::size) return parse_size(text);
    if (kind == ParamKind::count) return parse_unsigned(text);
    if (kind == ParamKind::time) {
        return to_usec(TRY(parse_time(text, std::chrono::system_clock::now())));
    }
    const auto duration = TRY(parse_duration(text));
    return static_cast<std::uint64_t>(std::chrono::microseconds(duration).count());
}

Result<> set_param(api::Request& request, const Param& param, std::string_view text) {
    switch (param.kind) {
        case ParamKind::text: api::argument<std::string>(param, request) = text; break;
        case ParamKind::path:
            api::argument<std::string>(param, request) = absolute_path(text, working_directory());
            break;
        case ParamKind::words:
        case ParamKind::list: api::argument<Words>(param, request).emplace_back(text); break;
        case ParamKind::flag: api::argument<bool>(param, request) = true; break;
        case ParamKind::size:
        case ParamKind::duration:
        case ParamKind::count:
        case ParamKind::time:
            api::argument<std::optional<std::uint64_t>>(param, request) = TRY(parse_number(param.kind, text));
            break;
    }
    return {};
}

void set_option(Options& options, const OptionRow& row, std::string_view text) {
    if (row.value.empty())
        options.*std::get<bool Options::*>(row.member) = true;
    else
        options.*std::get<std::string Options::*>(row.member) = text;
}

class Parser : cli::OptionWords {
public:
    Parser(std::span<const char* const> words, const api::VerbRow*& verb, const api::VerbTable& table)
        : OptionWords(words), verb_(verb), table_(table) {}

    Result<Command> parse() {
        for (const auto& row : kOptions) TRY(take_variable(row));
        while (!ended()) TRY(parse_word(next_word()));
        command_.verb = verb_;
        // The name of a group alone asks what it has.
        if (command_.group && !verb_) command_.options.help = true;
        if (!command_.options.help && !command_.options.version && !command_.options.bridge) TRY(check_complete());
        return std::move(command_);
    }

private:
    friend OptionWords;

    Result<> take_variable(const OptionRow& row) {
        if (row.environment == nullptr) return {};
        const char* const empty = row.may_be_empty ? std::getenv(row.environment) : nullptr;
        const auto value = empty != nullptr ? std::optional<std::string>(empty) : TRY(read_variable(row.environment));
        if (value) set_option(command_.options, row, *value);
        return {};
    }

    Result<> parse_word(std::string_view word) {
        if (word == "--") return parse_rest();
        if (word.starts_with("--")) return parse_long(word);
        if (word.size() > 1 && word.front() == '-') return read_letters(word.substr(1));
        if (!verb_) return parse_verb(word);
        return parse_positional(word);
    }

    /// `help VERB` is another way to write `VERB --help`.
    Result<> parse_verb(std::string_view word) {
        if (word == "help" && !command_.options.help && !command_.group) {
            command_.options.help = true;
            return {};
        }
        if (!command_.group && (command_.group = find_row(table_.groups, word))) return {};
        const auto group = command_.group ? command_.group->name : std::string_view();
        for (const auto& row : table_.verbs)
            if (row.group == group && row.name == word) verb_ = &row;
        if (!verb_) return wrong(std::format("unknown verb {}", quoted(word)));
        command_.request = api::request_of(*verb_);
        return {};
    }

    Result<> parse_long(std::string_view word) {
        const auto [name, value] = cli::split_option(word);
        const auto option = find([wanted = name](std::string_view candidate, char) { return candidate == wanted; });
        if (!option) return wrong(std::format("unknown option {}", quoted(name)));
        if (!value) return read_option(option);
        if (option.is_flag()) return wrong(std::format("{} takes no value", name));
        return set(option, value);
    }

    Option find_letter(char letter) const {
        return find([&](std::string_view, char candidate) { return candidate == letter; });
    }
    static bool takes_value(const Option& option) { return !option.is_flag(); }
    Result<> unknown_letters(std::string_view letters) const {
        return wrong(std::format("unknown option {}", xctl::quoted(std::string("-") + letters.front())));
    }
    Result<> lacks_value(const Option& option) const {
        return wrong(std::format("{} needs a value", option.name()));
    }

    /// An empty value is refused, as in read_variable().
    Result<> set(const Option& option, std::optional<std::string_view> given) {
        const auto value = given.value_or("");
        const bool may_be_empty = option.is_flag() || (option.row && option.row->may_be_empty);
        if (value.empty() && !may_be_empty) return wrong(std::format("the value of {} is empty", option.name()));
        if (option.row) {
            set_option(command_.options, *option.row, value);
            return {};
        }
        if (auto done = set_param(command_.request, *option.param, value); !done)
            return wrong(std::format("{}: {}", option.name(), done.error().message));
        return {};
    }

    Result<> parse_positional(std::string_view word) {
        const auto* param = find_positional(positionals_++);
        if (!param) return wrong(std::format("unexpected argument {}", quoted(word)));
        if (word.empty()) return wrong(std::format("{} is empty", param->value));
        if (auto done = set_param(command_.request, *param, word); !done)
            return wrong(std::format("{}: {}", param->value, done.error().message));
        return {};
    }

    Result<> parse_rest() {
        const auto rest = take_rest();
        if (!verb_) return wrong("the verb is missing");
        for (const auto& param : verb_->params) {
            if (!is_words(param)) continue;
            api::argument<Words>(param, command_.request) = {rest.begin(), rest.end()};
            return {};
        }
        for (const char* word : rest) TRY(parse_positional(word));
        return {};
    }

    Result<> check_complete() {
        if (!verb_) return wrong("the verb is missing");
        const auto* param = find_positional(positionals_);
        const bool has_words =
            param && param->kind == ParamKind::words && api::is_given(*param, command_.request);
        // Without a name it is about all of them.
        if (param && verb_->value == api::Verb::verify) return {};
        if (param && param->required && !has_words) return wrong(std::format("{} is missing", param->value));
        for (const auto& words : verb_->params)
            if (is_words(words) && words.required && !api::is_given(words, command_.request))
                return wrong(std::format("-- {} is missing", words.value));
        return {};
    }

    /// Required ones come first, whatever the order of the rows. One that takes words takes all that are left.
    const Param* find_positional(std::size_t index) const {
        for (const bool required : {true, false})
            for (const auto& param : verb_->params)
                if (is_positional(param) && param.required == required &&
                    (param.kind == ParamKind::words || index-- == 0))
                    return &param;
        return nullptr;
    }

    template <class Match>
    Option find(Match matches) const {
        if (verb_)
            for (const auto& param : verb_->params)
                if (is_option(param) && matches(param.option, param.letter)) return {&param, nullptr};
        for (const auto& row : kOptions)
            if ((is_global(row) || (verb_ && takes_option(verb_->value, row))) && matches(row.name, row.letter))
                return {nullptr, &row};
        return {};
    }

    std::unexpected<Error> wrong(std::string_view what) const {
        if (!verb_ && !command_.group) return fail(Errc::invalid_argument, std::format("{}; see xctl help", what));
        const auto name = verb_ ? api::full_name(*verb_) : std::string(command_.group->name);
        return fail(Errc::invalid_argument, std::format("{}: {}; see xctl help {}", name, what, name));
    }

    const api::VerbRow*& verb_;
    const api::VerbTable& table_;
    std::size_t positionals_ = 0;
    Command command_;
};

}  // namespace

Result<Command> parse_arguments(std::span<const char* const> words, const api::VerbRow*& verb,
                                const api::VerbTable& table) {
    return Parser(words, verb, table).parse();
}

std::string absolute_path(std::string_view path, std::string_view working_directory) {
    std::string out;
    const auto append = [&out](std::string_view text) {
        for (const auto& part : split(text, '/'))
            if (!part.empty() && part != ".") (out += '/') += part;
    };
    if (!path.starts_with('/')) append(working_directory);
    append(path);
    return out.empty() ? "/" : out;
}

}  // namespace xctl::client
