// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a launch plan: they are refused, or they are a plan that can be explained and that encodes to the very
// same bytes again. The decoder never reads outside its input and takes memory in proportion to it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "lib/plan/codec.hpp"
#include "lib/plan/explain.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace xctl::plan;
    const auto input = std::as_bytes(std::span(data, size));
    const auto plan = decode(input);
    if (!plan) return 0;
    if (explain(*plan).empty()) std::abort();
    const auto bytes = encode(*plan);
    if (!std::ranges::equal(std::as_bytes(std::span(bytes)), input)) std::abort();
    return 0;
}
