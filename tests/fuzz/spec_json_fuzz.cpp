// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as config.json: they compile to a plan that survives the codec, or are refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/plan/codec.hpp"
#include "lib/plan/compile.hpp"
#include "lib/plan/explain.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace xctl::plan;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto result = compile_document(text, "config.json", {}, "/bundle", "box", {});
    if (!result) return 0;
    const auto bytes = encode(result->plan);
    const auto plan = decode(std::as_bytes(std::span(bytes)));
    if (!plan || explain(*plan) != explain(result->plan)) std::abort();
    return 0;
}
