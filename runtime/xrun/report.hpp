// SPDX-License-Identifier: LGPL-2.1-or-later
// Errors and warnings of xrun: to the log that its caller reads, and to people.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "runtime/xrun/options.hpp"

namespace xctl::runtime {

/// Where to. Engines show their users the last error of the log.
Result<> open_report(const Arguments& arguments);

/// Whoever calls us by another name, by which it knows such runtimes, meets it in what we say.
void name_command(std::string_view program, std::string_view verb);
[[nodiscard]] std::string_view program_name();
/// "xrun create failed"
[[nodiscard]] std::string failure_of_command();

/// `level` is "error" or "warning".
void report(std::string_view level, std::string_view message);

/// A warning about what the container does not get. For a person at a terminal, and for whoever asks by --log-level.
void report_detail(std::string_view message);

/// What is being done, with --debug.
void report_progress(std::string_view message);

}  // namespace xctl::runtime
