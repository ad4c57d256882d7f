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

#include "daemon/health/payload_notify.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "tests/fuzz/expect.hpp"

namespace {

using namespace xctl;
using fuzz::expect, fuzz::expect_message;

/// One line, of an assignment that the table lists.
void expect_listed(std::string_view line) {
    expect_message(line);
    expect(std::ranges::any_of(health::kNotifyKeys,
                               [&](const health::NotifyKey& key) { return line.starts_with(key.word); }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto said = health::parse_notification(text);
    health::Notification together;
    for (const auto& line : split(text, '\n')) {
        auto one = health::parse_notification(line);
        expect(one.says(health::NotifyUse::ready) == (line == "READY=1"));
        expect(one.says(health::NotifyUse::watchdog) == (line == "WATCHDOG=1"));
        expect(one.words.empty() || (one.words.size() == 1 && one.words.front().text == printable(line)));
        for (auto& word : one.words) together.words.push_back(std::move(word));
    }
    expect(said.words == together.words);
    for (const auto& word : said.words) expect_listed(word.text);
    const auto passed = health::message_to_systemd(said, false, false);
    expect(!health::parse_notification(passed).says(health::NotifyUse::ready) &&
           !health::parse_notification(passed).says(health::NotifyUse::watchdog));
    return 0;
}
