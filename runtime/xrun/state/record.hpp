// SPDX-License-Identifier: LGPL-2.1-or-later
// What xrun remembers of a container between its verbs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/state.hpp"

namespace xctl::runtime {

struct Record {
    std::string id, oci_version, bundle, rootfs, created;
    std::map<std::string, std::string> annotations;
    pid_t pid = 0;                 // 0: there was no init yet
    std::uint64_t start_time = 0;  // of that process, since numbers are used again
    std::string cgroup;            // below the root of the hierarchy; empty: none, or none yet
    std::string scope;             // systemd's unit whose cgroup that is; empty: we made it ourselves
    std::vector<std::string> streams;  // its standard streams as /proc/PID/fd called them; none with a terminal
};

[[nodiscard]] std::string to_json(const Record& record);
Result<Record> parse_record(std::string_view text);

/// An array of states; null when there are none, as other runtimes print it.
[[nodiscard]] std::string to_json(const std::vector<oci::State>& states);

/// One line for a log that programs read.
[[nodiscard]] std::string log_line_json(std::string_view level, std::string_view message, std::string_view time);

}  // namespace xctl::runtime
