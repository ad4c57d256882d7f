// SPDX-License-Identifier: LGPL-2.1-or-later
// What /proc says about a process: proc_pid_status(5), proc_pid_cmdline(5).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace xctl::kernel {

struct ProcessInfo {
    pid_t pid = -1;
    pid_t inner_pid = -1;  // in its own pid namespace
    pid_t parent = -1;
    uid_t uid = 0;         // effective
    char state = '?';
    std::string name;
    std::string command;   // arguments separated by blanks; "[name]" where there are none
};

/// At most `limit` bytes of the command line are read.
Result<ProcessInfo> read_process_info(pid_t pid, std::size_t limit = 4096);

/// The number of the process that leads its session, proc_pid_stat(5).
Result<pid_t> read_session(pid_t pid);
[[nodiscard]] std::optional<pid_t> parse_session(std::string_view stat);

/// From the texts of the two files.
[[nodiscard]] ProcessInfo parse_process_info(std::string_view status, std::string_view command_line);

}  // namespace xctl::kernel
