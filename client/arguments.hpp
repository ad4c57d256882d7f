// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line, parsed by the rows of api/verbs.hpp and client/options.hpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/verbs.hpp"
#include "client/options.hpp"
#include "lib/base/result.hpp"

namespace xctl::client {

struct Command {
    const api::VerbRow* verb = nullptr;  // absent only with --help, --version or --bridge
    const api::GroupRow* group = nullptr;  // of the verb; without a verb, help about the group is asked for
    api::Request request;
    Options options;
};

/// `words` is argv without the program's name. An error names the word that is wrong, in one line. `verb` is set as
/// soon as it is known, also on failure: the exit status of a wrong call depends on it.
Result<Command> parse_arguments(std::span<const char* const> words, const api::VerbRow*& verb,
                                const api::VerbTable& table = api::kVerbTable);

/// Absolute, without "." components and doubled slashes. ".." stays: what it means depends on symbolic links.
[[nodiscard]] std::string absolute_path(std::string_view path, std::string_view working_directory);

}  // namespace xctl::client
