// SPDX-License-Identifier: LGPL-2.1-or-later
// What the fuzzers say of a result; libFuzzer saves the input when a process aborts.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace xctl::fuzz {

inline void expect(bool truth) {
    if (!truth) std::abort();
}

/// A message says something, and can be shown on a terminal whatever the input was.
inline void expect_message(std::string_view text) {
    expect(!text.empty());
    expect(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
}

}  // namespace xctl::fuzz
