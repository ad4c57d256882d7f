// SPDX-License-Identifier: LGPL-2.1-or-later
// Lexical normalization.
#include "lib/plan/path.hpp"

#include <vector>

#include "lib/base/text.hpp"

namespace xctl::plan {

std::string normalized(std::string_view base, std::string_view path) {
    std::vector<std::string> kept;
    const auto take = [&](std::string_view text) {
        for (auto& part : split(text, '/')) {
            if (part.empty() || part == ".") continue;
            if (part != "..")
                kept.push_back(std::move(part));
            else if (!kept.empty())
                kept.pop_back();
        }
    };
    if (!path.starts_with('/')) take(base);
    take(path);
    return "/" + join(kept, "/");
}

bool is_within(std::string_view path, std::string_view directory) {
    if (!path.starts_with(directory)) return false;
    return path.size() == directory.size() || directory == "/" || path[directory.size()] == '/';
}

}  // namespace xctl::plan
