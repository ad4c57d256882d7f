// SPDX-License-Identifier: LGPL-2.1-or-later
// One row per error code: its names on the wire and the exit status of xctl.
#pragma once

#include <array>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/base/table.hpp"

namespace xctl::api {

struct ErrorRow {
    std::string_view name;     // the last part of "org.xctl1.Error.NAME" and of "org.xctl.Containers.NAME"
    Errc value;
    int exit_status;           // of xctl; `run` and `attach` use kExitOwnFailure instead
    std::string_view meaning;  // for the man page and the varlink comments
};

inline constexpr std::string_view kDbusErrorPrefix = "org.xctl1.Error.";
inline constexpr std::string_view kVarlinkErrorPrefix = "org.xctl.Containers.";

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitOwnFailure = 125;  // run, attach: xctl failed, not the container
inline constexpr int kExitSignalBase = 128;  // run, attach, wait: the container died by signal N - 128

inline constexpr auto kErrors = std::to_array<ErrorRow>({
    {"InvalidArgument", Errc::invalid_argument, kExitUsage, "An argument is malformed"},
    {"InvalidDocument", Errc::invalid_document, 6, "A file breaks its format; the message names file, field and rule"},
    {"Unsupported", Errc::unsupported, 7, "Valid, but not supported by this version or kernel"},
    {"NotFound", Errc::not_found, 3, "No container of this name"},
    {"Exists", Errc::exists, 8, "The name is taken"},
    {"WrongState", Errc::wrong_state, 9, "The container's state does not allow it"},
    {"Denied", Errc::denied, 4, "Not authorized"},
    {"NeedsAuthentication", Errc::needs_auth, 4, "Authentication is required, and interaction was not allowed"},
    {"Timeout", Errc::timeout, 5, "It took longer than allowed"},
    {"Cancelled", Errc::cancelled, kExitFailure, "A later request overtook this one"},
    {"LaunchFailed", Errc::launch_failed, 10, "The container's set-up failed; step, path and errno say where"},
    {"System", Errc::system, kExitFailure, "A system call failed"},
});
static_assert(names_are_unique(kErrors));

constexpr const ErrorRow& error_row(Errc code) {
    for (const auto& row : kErrors)
        if (row.value == code) return row;
    return kErrors.back();
}

}  // namespace xctl::api
