// SPDX-License-Identifier: LGPL-2.1-or-later
// run, attach and logs: a console stream that survives a restart of xctld.
#pragma once

#include "client/arguments.hpp"
#include "client/call.hpp"
#include "lib/base/result.hpp"

namespace xctl::client {

/// The exit status for the shell; does not return when a signal ended it.
Result<int> follow_console(Client& client, const Command& command);

}  // namespace xctl::client
