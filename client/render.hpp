// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers as text for people, and as JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/outputs.hpp"

namespace xctl::client {

using Time = std::chrono::system_clock::time_point;

/// A line per container under a header.
[[nodiscard]] std::string render_list(std::span<const api::ContainerInfo> containers, Time now);

/// A line per client of a console under a header.
[[nodiscard]] std::string render_clients(std::span<const api::ClientInfo> clients, Time now);
[[nodiscard]] std::string render_execs(std::span<const api::ExecInfo> execs, Time now);

/// "key: value" lines; what has no value is left out.
[[nodiscard]] std::string render_state(const api::ContainerInfo& container, Time now);

/// The last line says how many are left out, if any are.
[[nodiscard]] std::string render_processes(std::span<const api::Process> processes, std::uint64_t left_out);
[[nodiscard]] std::string render_stats(const api::Stats& stats, std::span<const api::Interface> interfaces,
                                       std::uint64_t left_out);
/// "... and 12 more processes", or empty for none.
[[nodiscard]] std::string left_out_text(std::uint64_t count, std::string_view what);

/// How a run ended and why, in a paragraph, with what it printed last.
[[nodiscard]] std::string render_why(const std::string& name, const api::RunInfo& run, Time now);
/// A line per run.
[[nodiscard]] std::string render_history(std::span<const api::RunInfo> runs, Time now);

/// One line.
[[nodiscard]] std::string render_event(const api::Event& event);

/// Every field of the tables in api/, on one line.
template <api::Structure T>
[[nodiscard]] std::string json_of(const T& value);
template <api::Structure T>
[[nodiscard]] std::string json_of(const std::vector<T>& values);
/// Prints the statistics as one object with the members "interfaces" and "leftOut".
[[nodiscard]] std::string json_of(const api::Stats& stats, const std::vector<api::Interface>& interfaces,
                                  std::uint64_t left_out);

/// KEY = VALUE  # FILE:LINE
std::string render_settings(std::span<const api::Setting> settings);
/// KEY: what runs -> what the files say  # FILE:LINE
std::string render_differences(std::span<const api::Setting> differences);
/// Names the settings that count at the next start of the container only; empty if there are none.
std::string render_waiting(std::string_view name, std::span<const api::Setting> settings);
std::string render_findings(std::span<const api::Finding> findings);

/// A JSON string. Control characters, also those beyond ASCII, are escaped; what is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_text(std::string_view text);
/// A JSON document that somebody else wrote, with the same escapes. Newlines between its values stay.
[[nodiscard]] std::string json_document(std::string_view text);

/// "exited 3", "signal KILL", "oom-kill KILL", or "-" before the first exit.
[[nodiscard]] std::string exit_text(std::string_view reason, std::int64_t status);

/// "1.5M".
[[nodiscard]] std::string size_text(std::uint64_t bytes);
/// "3min ago", "in 2s", or "-" for never.
[[nodiscard]] std::string age_text(std::uint64_t usec, Time now);
[[nodiscard]] std::string time_text(std::uint64_t usec);
/// Columns under a header line, the last one as long as it likes. Each cell is made printable.
[[nodiscard]] std::string table_text(const std::vector<std::vector<std::string>>& lines);
/// "key: value" lines, made printable; those without a value are left out.
[[nodiscard]] std::string pairs_text(const std::vector<std::pair<std::string_view, std::string>>& pairs);

/// What a shell would see: the code, or 128 + the signal; kExitOwnFailure if it never ran or nobody knows.
[[nodiscard]] int exit_status_of(const api::ContainerInfo& container);

}  // namespace xctl::client
