// SPDX-License-Identifier: LGPL-2.1-or-later
// Variables of the environment that say where xctl works.
#pragma once

#include <cstdlib>
#include <format>
#include <optional>
#include <string>

#include "lib/base/result.hpp"

namespace xctl::client {

/// The variable's value; nothing if it is not set. A variable that is set and empty is refused with
/// Errc::invalid_argument: a script that failed to fill it must not act on the default, such as the local host.
inline Result<std::optional<std::string>> read_variable(const char* name) {
    const char* const value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    if (*value == '\0')
        return fail(Errc::invalid_argument, std::format("the variable {} is empty: set it to a value or unset it", name));
    return std::string(value);
}

}  // namespace xctl::client
