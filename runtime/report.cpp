// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/report.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/record.hpp"
#include "runtime/verbs.hpp"

namespace xctl::runtime {
namespace {

/// A program has one log.
struct Log {
    UniqueFd file;
    bool json = false;
};

Log& the_log() {
    static Log log;
    return log;
}

std::string log_line(std::string_view level, std::string_view message, std::string_view time) {
    return "time=\"" + std::string(time) + "\" level=" + std::string(level) + " msg=" + xctl::quoted(message) + "\n";
}

}  // namespace

Result<> open_report(const Arguments& arguments) {
    auto& log = the_log();
    if (arguments.log_format != "text" && arguments.log_format != "json")
        return fail(Errc::invalid_argument, "invalid log-format: " + arguments.log_format);
    log.json = arguments.log_format == "json";
    if (arguments.log.empty()) return {};
    log.file = TRY(kernel::open_at(AT_FDCWD, arguments.log, O_WRONLY | O_CREAT | O_APPEND, 0644));
    return {};
}

void report(std::string_view level, std::string_view message) {
    const auto& log = the_log();
    const auto time = format_time(std::chrono::system_clock::now());
    const auto line = log.json ? log_line_json(level, message, time) : log_line(level, message, time);
    static_cast<void>(kernel::write_all(log.file ? log.file.get() : STDERR_FILENO, line));
    // Who has a log still tells people.
    if (log.file && level == "error")
        static_cast<void>(kernel::write_all(STDERR_FILENO, std::string(message) + "\n"));
}

Result<> print(std::string_view text) { return kernel::write_all(STDOUT_FILENO, text); }

}  // namespace xctl::runtime
