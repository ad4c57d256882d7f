// SPDX-License-Identifier: LGPL-2.1-or-later
// `xctl edit`: a definition's file in the user's editor.
#pragma once

#include "client/arguments.hpp"
#include "client/call.hpp"

namespace xctl::client {

/// Returns xctl's exit status. What xctld refuses can be edited again, or stays in a file that the message names.
Result<int> edit_definition(Client& client, const Command& command);

}  // namespace xctl::client
