// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a launch plan: what is accepted encodes to the same bytes again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "lib/plan/codec.hpp"
#include "lib/plan/explain.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace xctl::plan;
    const auto input = std::as_bytes(std::span(data, size));
    const auto plan = decode(input);
    if (!plan) return 0;
    (void)explain(*plan);
    const auto bytes = encode(*plan);
    if (!std::ranges::equal(std::as_bytes(std::span(bytes)), input)) std::abort();
    return 0;
}
