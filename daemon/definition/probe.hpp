// SPDX-License-Identifier: LGPL-2.1-or-later
// A question to a running container that is answered by yes or no, as a definition writes it. What asks it is in
// probe_attempt.hpp.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/table.hpp"

namespace xctl::definition {

enum class ProbeKind : std::uint8_t { none, exec, tcp, http, console, notify };

inline constexpr std::array<Named<ProbeKind>, 5> kProbeKinds{{
    {"exec", ProbeKind::exec},        // a program in the container ends with 0
    {"tcp", ProbeKind::tcp},          // a connection can be made, from within the container's network
    {"http", ProbeKind::http},        // the same, and GET is answered by 200 to 399
    {"console", ProbeKind::console},  // it has printed this text
    {"notify", ProbeKind::notify},    // it has said READY=1, or for its health WATCHDOG=1, by sd_notify(3)
}};
static_assert(names_are_unique(kProbeKinds));

/// Numbers only: resolving names would take time, and the host's answers are not the container's.
struct Endpoint {
    std::string host = "127.0.0.1";  // IPv4, or IPv6 without its brackets
    std::uint16_t port = 0;
};

struct Probe {
    ProbeKind kind = ProbeKind::none;
    std::vector<std::string> args;  // exec
    Endpoint endpoint;              // tcp, http
    std::string path;               // http
    std::string text;               // console
    std::chrono::milliseconds interval{};
    std::chrono::milliseconds timeout{};  // of one attempt
};

/// "80", "127.0.0.1:80", "[::1]:80", "localhost:80".
Result<Endpoint> parse_endpoint(std::string_view text);

struct Url {
    Endpoint endpoint;
    std::string path;
};
/// "http://127.0.0.1:8080/health"; the port may be left out.
Result<Url> parse_url(std::string_view text);

/// The first line of an HTTP answer: Errc::invalid_document unless it is one of success, with the line in the message.
Result<> check_status_line(std::string_view answer);

}  // namespace xctl::definition
