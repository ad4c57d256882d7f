// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as what a container says by sd_notify(3). Only whole lines of the message are passed on, in their order, each
// one of the few assignments that systemd may see, and without anything that a terminal obeys. Readiness and the
// watchdog are what whole lines say, and nothing of a line depends on the others.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/payload_notify.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect, fuzz::expect_message;

void expect_harmless(std::string_view line) {
    expect_message(line);
    expect(line == "STOPPING=1" || line == "RELOADING=1" || line.starts_with("STATUS=") ||
           line.starts_with("MONOTONIC_USEC="));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto said = parse_notification(text);
    Notification together;
    for (const auto& line : split(text, '\n')) {
        auto one = parse_notification(line);
        expect(one.ready == (line == "READY=1") && one.watchdog == (line == "WATCHDOG=1"));
        expect(one.passed_on.empty() || (one.passed_on.size() == 1 && one.passed_on.front() == printable(line)));
        together.ready |= one.ready;
        together.watchdog |= one.watchdog;
        for (auto& word : one.passed_on) together.passed_on.push_back(std::move(word));
    }
    expect(said.ready == together.ready && said.watchdog == together.watchdog);
    expect(said.passed_on == together.passed_on);
    for (const auto& line : said.passed_on) expect_harmless(line);
    return 0;
}
