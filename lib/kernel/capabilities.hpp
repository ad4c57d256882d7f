// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of capabilities, capabilities(7).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace xctl::kernel {

/// The number of "CAP_CHOWN"; nothing for a name that this kernel does not have.
[[nodiscard]] std::optional<unsigned> capability_number(std::string_view name);

/// "CAP_CHOWN"; "CAP_63" for a number without a name.
[[nodiscard]] std::string capability_name(unsigned number);

}  // namespace xctl::kernel
