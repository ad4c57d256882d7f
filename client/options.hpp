// SPDX-License-Identifier: LGPL-2.1-or-later
// The options that only the client understands: one row each, as in api/verbs.hpp. They never go over the wire.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "api/verbs.hpp"

namespace xctl::client {

struct Options {
    bool help = false;
    bool version = false;
    bool no_ask_password = false;
    bool json = false;
    bool detach = false;
    bool follow = false;
    bool bridge = false;
    std::string host;
    std::string detach_keys = "ctrl-p,ctrl-q";
};

struct OptionRow {
    std::string_view name;  // "--name"
    char letter;            // '-x', or 0
    std::string_view value;  // what help calls the value; empty: a flag
    api::Member<Options> member;
    std::span<const api::Verb> verbs;  // empty: any verb, and before the verb as well
    std::string_view help;
    const char* environment = nullptr;  // a variable that has the value unless the option is given
    bool may_be_empty = false;          // the value of the option and of the variable
};

namespace rows {
inline constexpr std::array kJsonVerbs{
    api::Verb::list, api::Verb::state,  api::Verb::events, api::Verb::wait,  api::Verb::cat,
    api::Verb::diff, api::Verb::verify, api::Verb::ps,     api::Verb::stats, api::Verb::why,
    api::Verb::history, api::Verb::clients, api::Verb::execs, api::Verb::logs};
inline constexpr std::array kDetachVerbs{api::Verb::run, api::Verb::exec};
inline constexpr std::array kKeysVerbs{api::Verb::run, api::Verb::attach, api::Verb::exec};
inline constexpr std::array kFollowVerbs{api::Verb::stats};
}  // namespace rows

inline constexpr std::array<OptionRow, 9> kOptions{{
    {"--json", 0, "", &Options::json, rows::kJsonVerbs, "Print JSON"},
    {"--detach", 'd', "", &Options::detach, rows::kDetachVerbs,
     "Do not attach; print the name, or what identifies the new process"},
    {"--follow", 'f', "", &Options::follow, rows::kFollowVerbs, "Print again and again, until it has ended"},
    {"--detach-keys", 0, "KEYS", &Options::detach_keys, rows::kKeysVerbs,
     "Keys that detach from a terminal (default ctrl-p,ctrl-q); empty: none", "XCTL_DETACH_KEYS", true},
    {"--host", 'H', "[USER@]HOST", &Options::host, {}, "Ask xctld on another host, over ssh", "XCTL_HOST"},
    {"--bridge", 0, "", &Options::bridge, {},
     "Join standard input and output to xctld's socket; what --host runs there"},
    {"--no-ask-password", 0, "", &Options::no_ask_password, {}, "Fail where a password would be asked for"},
    {"--help", 'h', "", &Options::help, {}, "Show help, of a verb if there is one, and exit"},
    {"--version", 0, "", &Options::version, {}, "Show the version and exit"},
}};
static_assert(names_are_unique(kOptions));

constexpr bool is_global(const OptionRow& row) { return row.verbs.empty(); }

constexpr bool takes_option(api::Verb verb, const OptionRow& row) {
    return std::ranges::find(row.verbs, verb) != row.verbs.end();
}

constexpr bool is_positional(const api::Param& param) { return param.option.empty(); }

constexpr bool is_words(const api::Param& param) { return param.option == "--"; }

constexpr bool is_option(const api::Param& param) {
    return !is_positional(param) && !is_words(param) && param.option != api::kWireOnly;
}

}  // namespace xctl::client
