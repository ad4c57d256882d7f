// SPDX-License-Identifier: LGPL-2.1-or-later
// The options that only the client understands: one row each, as in api/verbs.hpp. They never go over the wire.
#pragma once

#include <array>
#include <cstdint>
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

/// The verbs that an option is for. kActions of commands.cpp says which these are.
enum class ForVerbs : std::uint8_t {
    any = 0,      // and before the verb as well
    prints = 1,   // an answer that can be JSON
    makes = 2,    // something with a console, to which xctl attaches
    attaches = 4,
    repeats = 8,
};
constexpr ForVerbs operator|(ForVerbs a, ForVerbs b) {
    return static_cast<ForVerbs>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}

struct OptionRow {
    std::string_view name;  // "--name"
    char letter;            // '-x', or 0
    std::string_view value;  // what help calls the value; empty: a flag
    api::Member<Options> member;
    ForVerbs verbs;
    std::string_view help;
    const char* environment = nullptr;  // a variable that has the value unless the option is given
    bool may_be_empty = false;          // the value of the option and of the variable
};

inline constexpr auto kOptions = std::to_array<OptionRow>({
    {"--json", 0, "", &Options::json, ForVerbs::prints, "Print JSON"},
    {"--detach", 'd', "", &Options::detach, ForVerbs::makes,
     "Do not attach; print the name, or what identifies the new process"},
    {"--follow", 'f', "", &Options::follow, ForVerbs::repeats, "Print again and again, until it has ended"},
    {"--detach-keys", 0, "KEYS", &Options::detach_keys, ForVerbs::attaches,
     "Keys that detach from a terminal (default ctrl-p,ctrl-q); empty: none", "XCTL_DETACH_KEYS", true},
    {"--host", 'H', "[USER@]HOST", &Options::host, ForVerbs::any, "Ask xctld on another host, over ssh", "XCTL_HOST"},
    {"--bridge", 0, "", &Options::bridge, ForVerbs::any,
     "Join standard input and output to xctld's socket; what --host runs there"},
    {"--no-ask-password", 0, "", &Options::no_ask_password, ForVerbs::any, "Fail where a password would be asked for"},
    {"--help", 'h', "", &Options::help, ForVerbs::any, "Show help, of a verb if there is one, and exit"},
    {"--version", 0, "", &Options::version, ForVerbs::any, "Show the version and exit"},
});
static_assert(names_are_unique(kOptions));

constexpr bool is_global(const OptionRow& row) { return row.verbs == ForVerbs::any; }

/// Whether the option is for this verb and not for any.
[[nodiscard]] bool takes_option(api::Verb verb, const OptionRow& row);

constexpr bool is_positional(const api::Param& param) { return param.option.empty(); }

constexpr bool is_words(const api::Param& param) { return param.option == "--"; }

constexpr bool is_option(const api::Param& param) {
    return !is_positional(param) && !is_words(param) && param.option != api::kWireOnly;
}

}  // namespace xctl::client
