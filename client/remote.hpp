// SPDX-License-Identifier: LGPL-2.1-or-later
// xctl on another host: ssh runs `xctl --bridge` there, which joins its standard streams to xctld's socket.
//
// Descriptors cannot go through ssh. Where xctld passes one, a console, the bridge keeps it: when the caller has sent
// one byte, so that nothing of the console can be taken for varlink, the connection is the console's from then on.
#pragma once

#include <string>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::client {

/// What tells the bridge that the console may begin.
inline constexpr char kConsoleGo = '\n';

/// Starts ssh, or the program that XCTL_SSH names, and returns the connection. `host` is what ssh takes for one.
Result<UniqueFd> connect_to_host(const std::string& host);

/// `xctl --bridge`: until one of both sides ends. The exit status.
Result<int> run_bridge(const std::string& socket);

}  // namespace xctl::client
