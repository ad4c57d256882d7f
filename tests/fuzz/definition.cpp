// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a definition, after NULs as its drop-ins: they are refused with a message, or what was read of them
// writes a file that reads as the same again; and `xctl enable` makes a file that is still a definition.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/definition/definition.hpp"
#include "daemon/definition/settings.hpp"
#include "lib/base/text.hpp"
#include "tests/fuzz/expect.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace xctl;
    using namespace xctl::fuzz;
    const auto parts = split(std::string_view(reinterpret_cast<const char*>(data), size), '\0');
    std::vector<definition::NamedText> files{{"box.json", parts.empty() ? "" : parts[0]}};
    for (std::size_t i = 1; i < parts.size(); ++i) files.push_back({"drop-in.json", parts[i]});

    const auto definition = definition::parse_definition(files);
    if (!definition) {
        expect(definition.error().code == Errc::invalid_document);
        expect_message(definition.error().message);
        return 0;
    }
    const auto text = to_json(*definition);
    const auto again = definition::parse_definition({{"box.json", text}});
    expect(again && to_json(*again) == text);
    for (const auto& setting : definition::list_settings(files)) expect(!setting.origin.empty() || setting.key.empty());

    const auto enabled = definition::with_assignments({"box.json", text}, {{"/autostart", "true"}});
    expect(enabled.has_value());
    const auto started = definition::parse_definition({{"box.json", *enabled}});
    expect(started && started->autostart);
    return 0;
}
