// SPDX-License-Identifier: LGPL-2.1-or-later
// An event as a line of JSON, for streams.
#pragma once

#include <string>

#include "api/types.hpp"

namespace xctl {

[[nodiscard]] std::string to_json_line(const api::Event& event);

}  // namespace xctl
