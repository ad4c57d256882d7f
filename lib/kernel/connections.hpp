// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is connected to a listening socket, whichever process accepted it: sock_diag(7), in our network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace xctl::kernel {

/// Connections to a Unix stream socket that listens at `name`, a path or, after a null byte, an abstract name. Those
/// that nobody has accepted yet count.
Result<std::uint64_t> count_unix_connections(const std::string& name);

/// The same over TCP. `address`: 4 or 16 bytes as in a packet, or empty for every address of the host.
Result<std::uint64_t> count_tcp_connections(const std::string& address, std::uint16_t port);

/// Of an answer of sock_diag(7), its payload behind the nlmsghdr: whether it is a TCP connection as above.
[[nodiscard]] bool is_tcp_connection(std::string_view payload, const std::string& address, std::uint16_t port);
/// Likewise, how many connections to the Unix socket `name` it stands for.
[[nodiscard]] std::uint64_t unix_connections_in(std::string_view payload, const std::string& name);

}  // namespace xctl::kernel
