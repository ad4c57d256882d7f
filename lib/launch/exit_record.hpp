// SPDX-License-Identifier: LGPL-2.1-or-later
// The file in which a keeper leaves its container's exit status: one line, "exited 42", "killed 9" or "dumped 6".
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/kernel/process.hpp"

namespace xctl::launch {

inline constexpr const char* kExitRecordFile = "exit";

[[nodiscard]] std::string format_exit_record(const kernel::ExitStatus& status);
Result<kernel::ExitStatus> parse_exit_record(std::string_view text);

}  // namespace xctl::launch
