// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads archives of test data, which are texts like those of the txtar package of Go. The script `unpack` reads them, too.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace xctl::test {

struct ArchivePart {
    std::string name;
    std::string text;
};

/// A comment, then parts. Each part begins with a line "-- NAME --"; newlines at its end do not belong to it.
struct Archive {
    std::string comment;
    std::vector<ArchivePart> parts;
};

[[nodiscard]] inline Archive parse_archive(std::string_view text) {
    constexpr std::string_view kBegin = "-- ", kEnd = " --";
    Archive archive;
    auto* current = &archive.comment;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.size() > kBegin.size() + kEnd.size() && line.starts_with(kBegin) && line.ends_with(kEnd)) {
            const auto name = line.substr(kBegin.size(), line.size() - kBegin.size() - kEnd.size());
            current = &archive.parts.emplace_back(ArchivePart{std::string(name), {}}).text;
        } else {
            current->append(line).push_back('\n');
        }
    }
    const auto trim = [](std::string& part) { part.erase(part.find_last_not_of('\n') + 1); };
    trim(archive.comment);
    for (auto& part : archive.parts) trim(part.text);
    return archive;
}

}  // namespace xctl::test
