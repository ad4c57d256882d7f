// SPDX-License-Identifier: LGPL-2.1-or-later
// Lists of CPUs and of memory nodes as the kernel writes them: "0-3,7".
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::oci {

/// As a set of bits, 64 in an element; nothing for an empty text. What is no list or goes beyond the kernel's
/// largest number is invalid_argument.
Result<std::vector<std::uint64_t>> parse_id_list(std::string_view text);

}  // namespace xctl::oci
