// SPDX-License-Identifier: LGPL-2.1-or-later
// Carries out one parsed command: calls, then prints the answer.
#pragma once

#include "client/arguments.hpp"
#include "client/call.hpp"

namespace xctl::client {

/// The exit status for the shell.
Result<int> run_command(Client& client, const Command& command);

/// The exit status of a failure of xctl itself; `verb` may be unknown.
[[nodiscard]] int failure_status(const api::VerbRow* verb, const Error& error);

}  // namespace xctl::client
