// SPDX-License-Identifier: LGPL-2.1-or-later
// A container's state as the specification and its engines know it.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "lib/base/table.hpp"

namespace xctl::oci {

enum class Status : std::uint8_t { creating, created, running, paused, stopped };

constexpr std::array<Named<Status>, 5> kStatusNames{{
    {"creating", Status::creating},
    {"created", Status::created},
    {"running", Status::running},
    {"paused", Status::paused},
    {"stopped", Status::stopped},
}};
static_assert(names_are_unique(kStatusNames));

[[nodiscard]] constexpr std::string_view to_string(Status status) { return name_of(kStatusNames, status); }

struct State {
    std::string oci_version;
    std::string id;
    Status status = Status::creating;
    pid_t pid = 0;  // 0: no process
    std::string bundle;
    std::map<std::string, std::string> annotations;
    // Beyond the specification; engines read them from runc's and crun's output. Left out when empty.
    std::string rootfs;
    std::string created;  // RFC 3339
    std::string owner;
    std::string systemd_scope{};
};

/// One line of JSON without a line break at its end.
[[nodiscard]] std::string to_json(const State& state);

/// What the handler of seccomp notifications reads beside the descriptor for them.
struct ContainerProcessState {
    pid_t pid = 0;  // of the process with the filter, which need not be the container's first
    std::string metadata;
    State state;
};

[[nodiscard]] std::string to_json(const ContainerProcessState& state);

}  // namespace xctl::oci
