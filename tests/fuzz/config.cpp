// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as config.json, after a NUL as a merge patch onto it, and as the document of `exec` or `update`: they are
// refused with a message, or they compile to a plan that survives the codec and is the same the next time.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/oci/spec_check.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/plan/codec.hpp"
#include "lib/plan/compile.hpp"
#include "lib/plan/explain.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect, fuzz::expect_message;

void try_config(std::string_view text) {
    // No document holds a NUL.
    const auto end = text.find('\0');
    const auto document = text.substr(0, end);
    const auto patch = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const auto result = plan::compile_document(document, "config.json", patch, "/bundle", "box", {});
    if (!result) {
        expect(result.error().code == Errc::invalid_document || result.error().code == Errc::unsupported);
        expect_message(result.error().message);
        return;
    }
    for (const auto& warning : result->warnings) expect_message(warning);
    const auto bytes = plan::encode(result->plan);
    const auto decoded = plan::decode(std::as_bytes(std::span(bytes)));
    expect(decoded && plan::explain(*decoded) == plan::explain(result->plan));
    const auto again = plan::compile(result->spec, "/bundle", "box", {});
    expect(again && plan::encode(*again) == bytes);
}

void try_process(std::string_view text) {
    const auto process = oci::parse_process(text, "process.json");
    if (!process || !oci::check_process(*process)) return;
    oci::Spec spec;
    spec.oci_version = "1.3.0";
    (void)plan::compile_exec(spec, *process, {});
}

void try_resources(std::string_view text) {
    const auto resources = oci::parse_resources(text, "resources.json");
    if (!resources || !oci::check_resources(*resources)) return;
    (void)plan::compile_cgroup(*resources, "1.3.0");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_config(text);
    try_process(text);
    try_resources(text);
    return 0;
}
