// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers as text for people, and as JSON.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "api/types.hpp"

namespace xctl::client {

using Time = std::chrono::system_clock::time_point;

/// A line per container under a header.
[[nodiscard]] std::string render_list(std::span<const api::ContainerInfo> containers, Time now);

/// A line per client of a console under a header.
[[nodiscard]] std::string render_clients(std::span<const api::ClientInfo> clients, Time now);

/// "key: value" lines; what has no value is left out.
[[nodiscard]] std::string render_state(const api::ContainerInfo& container, Time now);

/// One line.
[[nodiscard]] std::string render_event(const api::Event& event);

/// Every field of the tables in api/types.hpp, on one line.
[[nodiscard]] std::string json_of(const api::ContainerInfo& container);
[[nodiscard]] std::string json_of(std::span<const api::ContainerInfo> containers);
std::string json_of(std::span<const api::Setting> settings);
std::string json_of(std::span<const api::Finding> findings);

/// KEY = VALUE  # FILE:LINE
std::string render_settings(std::span<const api::Setting> settings);
/// KEY: what runs -> what the files say  # FILE:LINE
std::string render_differences(std::span<const api::Setting> differences);
std::string render_findings(std::span<const api::Finding> findings);
[[nodiscard]] std::string json_of(std::span<const api::ClientInfo> clients);
[[nodiscard]] std::string json_of(const api::Event& event);

/// A JSON string; what is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_text(std::string_view text);

/// "exited 3", "signal KILL", "oom-kill KILL", or "-" before the first exit.
[[nodiscard]] std::string exit_text(std::string_view reason, std::int64_t status);

/// What a shell would see: the code, or 128 + the signal; kExitOwnFailure if it never ran or nobody knows.
[[nodiscard]] int exit_status_of(const api::ContainerInfo& container);

/// Without control characters, which could play tricks with a terminal.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace xctl::client
