// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/container_id.hpp"

#include <algorithm>
#include <format>

#include "lib/base/text.hpp"

namespace xctl {
namespace {

constexpr std::size_t kMaxLength = 128;

constexpr bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr bool is_allowed(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }

}  // namespace

Result<ContainerId> ContainerId::parse(std::string_view text) {
    if (text.empty()) return fail(Errc::invalid_argument, "container name is empty");
    if (text.size() > kMaxLength)
        return fail(Errc::invalid_argument, std::format("container name is longer than {} bytes", kMaxLength));
    if (!is_alnum(text.front()) || !std::ranges::all_of(text, is_allowed))
        return fail(Errc::invalid_argument,
                    std::format("container name {}: only letters, digits and \"_-.\" are allowed, and the first "
                                "must be a letter or digit",
                                quoted(text)));
    return ContainerId(text);
}

}  // namespace xctl
