// SPDX-License-Identifier: LGPL-2.1-or-later
// A string that is known to be a valid container name.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace xctl {

/// Letters, digits, '_', '-' and '.'; first a letter or digit; at most 128 bytes. It becomes part of a unit
/// name, a path and a D-Bus object path, so a value of this type needs no further checks there.
class ContainerId {
public:
    static Result<ContainerId> parse(std::string_view text);
    [[nodiscard]] const std::string& str() const noexcept { return text_; }
    auto operator<=>(const ContainerId&) const = default;
    /// Texts are compared as they are, so that they find a name in a map.
    friend bool operator<(const ContainerId& id, std::string_view text) { return id.text_ < text; }
    friend bool operator<(std::string_view text, const ContainerId& id) { return text < id.text_; }

private:
    explicit ContainerId(std::string_view text) : text_(text) {}
    std::string text_;
};

}  // namespace xctl
