// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/report.hpp"

#include <fcntl.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/xrun/state/record.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

/// A program has one log.
struct Log {
    UniqueFd file;
    std::string name;  // of whom the system's log says that it comes, instead of a file
    bool json = false;
    bool details = false, progress = false;
};

Log& the_log() {
    static Log log;
    return log;
}

struct CommandName {
    std::string program = "xrun", verb;
};

CommandName& the_command() {
    static CommandName command;
    return command;
}

std::string log_line(std::string_view level, std::string_view message, std::string_view time) {
    return "time=\"" + std::string(time) + "\" level=" + std::string(level) + " msg=" + quoted_whole(message) + "\n";
}

constexpr std::string_view kFilePrefix = "file:";
/// journald serves syslog(3), too, and keeps the same fields of a message.
constexpr std::array<std::string_view, 2> kSystemLogs{"syslog:", "journald:"};

Result<> open_log(Log& log, std::string_view where) {
    for (const auto prefix : kSystemLogs) {
        if (!where.starts_with(prefix)) continue;
        log.name = where.substr(prefix.size());
        ::openlog(log.name.c_str(), LOG_PID, LOG_USER);
        return {};
    }
    if (where.starts_with(kFilePrefix)) where.remove_prefix(kFilePrefix.size());
    log.file = TRY(kernel::open_at(kCurrentDirectory, std::string(where), O_WRONLY | O_CREAT | O_APPEND, 0644));
    return {};
}

int syslog_priority(std::string_view level) {
    if (level == "error") return LOG_ERR;
    return level == "debug" ? LOG_DEBUG : LOG_WARNING;
}

}  // namespace

void name_command(std::string_view program, std::string_view verb) {
    const auto slash = program.rfind('/');
    the_command().program = program.substr(slash == std::string_view::npos ? 0 : slash + 1);
    the_command().verb = verb;
}

std::string_view program_name() { return the_command().program; }

std::string failure_of_command() { return the_command().program + " " + the_command().verb + " failed"; }

Result<> open_report(const Arguments& arguments) {
    auto& log = the_log();
    if (arguments.log_format != "text" && arguments.log_format != "json")
        return fail(Errc::invalid_argument, "invalid log-format: " + arguments.log_format);
    constexpr std::array<std::string_view, 3> kLevels{"error", "warning", "debug"};
    // podman takes a log for one line, which is the error, and what conmon gives us for errors is the container's, too.
    // But people want to know what they do not get.
    const bool is_read = arguments.log.empty() && ::isatty(STDERR_FILENO) != 0;
    const auto level = !arguments.log_level.empty() ? arguments.log_level : is_read ? "warning" : "error";
    if (!std::ranges::contains(kLevels, level))
        return fail(Errc::invalid_argument, "invalid log-level: " + level);
    log.json = arguments.log_format == "json";
    log.progress = arguments.debug || level == kLevels.back();
    log.details = log.progress || level != kLevels.front();
    return arguments.log.empty() ? Result<>() : open_log(log, arguments.log);
}

void report(std::string_view level, std::string_view message) {
    const auto& log = the_log();
    const auto time = format_time(std::chrono::system_clock::now());
    const auto line = log.json ? log_line_json(level, message, time) : log_line(level, message, time);
    const bool is_error = level == "error";
    if (log.name.empty())
        static_cast<void>(kernel::write_all(log.file ? log.file.get() : STDERR_FILENO, line));
    else
        ::syslog(syslog_priority(level), "%s", printable(message).c_str());
    // Who has a log still tells people.
    if ((log.file || !log.name.empty()) && is_error)
        static_cast<void>(kernel::write_all(STDERR_FILENO, printable(message) + "\n"));
}

void report_detail(std::string_view message) {
    if (the_log().details) report("warning", message);
}

void report_progress(std::string_view message) {
    if (the_log().progress) report("debug", message);
}

Result<> print(std::string_view text) { return kernel::write_all(STDOUT_FILENO, text); }

}  // namespace xctl::runtime
