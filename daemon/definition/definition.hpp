// SPDX-License-Identifier: LGPL-2.1-or-later
// What is asked of one container: the content of NAME.json and its drop-ins. xctl.container(5) describes the file.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/definition/check_policy.hpp"
#include "daemon/model/container.hpp"
#include "lib/base/result.hpp"
#include "lib/base/table.hpp"

namespace xctl::definition {

inline constexpr std::uint64_t kDefaultScrollback = 1024 * 1024;
inline constexpr std::uint64_t kMinScrollback = 4096;
inline constexpr std::uint64_t kMaxScrollback = 1024ULL * 1024 * 1024;
inline constexpr std::uint64_t kDefaultHistory = 10;
inline constexpr std::uint64_t kMaxHistory = 1000;
inline constexpr std::chrono::milliseconds kDefaultStopTimeout{10'000};

/// How many lines of output go to the journal.
struct JournalLimit {
    std::uint64_t burst = 0;  // within each interval; 0: all
    std::chrono::milliseconds interval{30'000};

    bool operator==(const JournalLimit&) const = default;
};

/// Which containers systemd-machined is told of.
enum class RegisterWhen : std::uint8_t { systemd, always, never };
inline constexpr std::array<Named<RegisterWhen>, 3> kRegistrations{{
    {"systemd", RegisterWhen::systemd}, {"always", RegisterWhen::always}, {"never", RegisterWhen::never},
}};

struct Definition {
    std::string bundle;  // absolute
    bool autostart = false;
    bool remove_when_stopped = false;  // made by `run --rm`
    model::RestartPolicy restart;
    std::uint64_t history = kDefaultHistory;  // how many runs are remembered
    std::uint64_t scrollback = kDefaultScrollback;
    bool persistent_console = false;  // the scrollback outlives the boot
    JournalLimit journal_limit;
    std::string stop_signal;  // empty: what suits the payload
    std::chrono::milliseconds stop_timeout = kDefaultStopTimeout;
    std::chrono::milliseconds idle_timeout{};  // 0: never stopped for that
    bool default_seccomp = false;  // the profile of plan::kProfileFile
    RegisterWhen register_when = RegisterWhen::systemd;
    CheckWords checks;
    std::vector<std::string> after, required;  // names of containers
    std::vector<std::string> interfaces;       // of the network, which autostart waits for
    std::vector<std::string> binds, devices;   // see shares.hpp
    std::string config_patch;  // JSON merge patch onto config.json; empty: none

    bool operator==(const Definition&) const = default;
};

/// A file's text, for error messages with its name.
struct NamedText {
    std::string file;
    std::string text;
};

/// The base file and its drop-ins in order. Errc::invalid_document names file, line, column, JSON pointer and rule; an
/// unknown key is an error, since it is most likely a misspelt one.
Result<Definition> parse_definition(const std::vector<NamedText>& files);

/// What `xctl create` writes: the members that differ from the defaults.
[[nodiscard]] std::string to_json(const Definition& definition);

struct Key;

/// The rule that this JSON text breaks as the value of the key, or empty.
[[nodiscard]] std::string broken_rule(const Key& key, std::string_view value);

/// The value of the key in a Definition, as JSON text.
[[nodiscard]] std::string value_text(const Key& key, const Definition& definition);

}  // namespace xctl::definition
