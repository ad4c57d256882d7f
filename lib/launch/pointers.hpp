// SPDX-License-Identifier: LGPL-2.1-or-later
// Words as execve(2) takes them.
#pragma once

#include <string>
#include <vector>

namespace xctl::launch {

/// Null-terminated, into `strings`, which must outlive the result.
[[nodiscard]] inline std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (const auto& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace xctl::launch
