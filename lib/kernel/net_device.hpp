// SPDX-License-Identifier: LGPL-2.1-or-later
// Interfaces between network namespaces: rtnetlink(7).
#pragma once

#include <linux/if_addr.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::kernel {

struct LastingAddress {
    ifaddrmsg header;
    std::vector<std::pair<std::uint16_t, std::string>> attributes;
};

/// Of an answer to RTM_GETADDR, its payload behind the nlmsghdr: an address that interface `index` was given for good,
/// other than what the kernel made up or somebody leased.
[[nodiscard]] std::optional<LastingAddress> parse_lasting_address(std::uint16_t type, std::string_view payload,
                                                                  int index);

/// Moves an interface of our own network namespace into another one, gives it its name there, which may hold "%d"
/// for the next free number, and its permanent global addresses back, which it loses on the way, and raises it. A
/// name that is taken there is EEXIST. On failure the interface is here, as it was but for what it lost.
Result<> move_net_device(const std::string& name, int net_namespace, const std::string& new_name);

}  // namespace xctl::kernel
