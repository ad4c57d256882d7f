// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/user.hpp"

#include <string>

#include "lib/base/text.hpp"

namespace xctl::oci {
namespace {

constexpr std::uint64_t kMaxUserId = 0xffff'fffe;

}  // namespace

Result<> set_user(User& user, std::string_view text) {
    const auto colon = text.find(':');
    const auto parse = [&](std::string_view part) -> Result<std::uint32_t> {
        const auto number = parse_unsigned(part);
        if (!number || *number > kMaxUserId) return fail(Errc::invalid_argument, "invalid user: " + xctl::quoted(text));
        return static_cast<std::uint32_t>(*number);
    };
    user.uid = TRY(parse(text.substr(0, colon)));
    if (colon != std::string_view::npos) user.gid = TRY(parse(text.substr(colon + 1)));
    return {};
}

}  // namespace xctl::oci
