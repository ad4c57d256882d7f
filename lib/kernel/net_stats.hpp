// SPDX-License-Identifier: LGPL-2.1-or-later
// The network interfaces of a process, with addresses and counters: rtnetlink(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::kernel {

struct Traffic {
    std::uint64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
};

struct NetInterface {
    int index = 0;
    std::string name;
    bool up = false;
    std::vector<std::string> addresses;  // "10.0.0.2/24"
    Traffic received, sent;
    std::uint64_t addresses_left_out = 0;
};

struct NetInterfaces {
    std::vector<NetInterface> rows;
    std::uint64_t left_out = 0;
};

/// How many are kept; the others are counted.
struct NetLimits {
    std::size_t interfaces;
    std::size_t addresses;  // of each interface
};

/// Of an answer to RTM_GETLINK, its payload behind the nlmsghdr; nothing if the answer is of another kind.
[[nodiscard]] std::optional<NetInterface> parse_interface(std::uint16_t type, std::string_view payload);

struct InterfaceAddress {
    int interface = 0;  // its index
    std::string text;   // "10.0.0.2/24"
};
/// Of an answer to RTM_GETADDR, likewise.
[[nodiscard]] std::optional<InterfaceAddress> parse_interface_address(std::uint16_t type, std::string_view payload);

/// In the network namespace of the pidfd's process, or of a namespace's file. The caller is single-threaded.
Result<NetInterfaces> read_interfaces(int net_namespace, NetLimits limits);

}  // namespace xctl::kernel
