// SPDX-License-Identifier: LGPL-2.1-or-later
// Log lines of the daemon. Libraries do not log; what they find out comes back as an Error.
#pragma once

#include <string_view>

namespace xctl {

/// To standard error, with the <N> prefixes that systemd turns into priorities when the journal reads it.
void open_log();

void log_error(std::string_view message);
void log_warning(std::string_view message);
void log_info(std::string_view message);

}  // namespace xctl
