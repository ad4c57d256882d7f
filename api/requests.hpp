// SPDX-License-Identifier: LGPL-2.1-or-later
// The arguments of verbs: one struct per verb; verbs with the same parameters share one. The rows of verbs.hpp name
// their members.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "api/types.hpp"
#include "lib/base/presence.hpp"

namespace xctl::api {

// Parts of several requests.

/// The container that a request is about.
struct OfContainer {
    std::string name;
};

/// The arguments that become a new definition.
struct NewDefinition {
    std::string bundle;
    std::string restart;
    std::optional<std::uint64_t> scrollback;  // bytes
};

/// The program of one start.
struct Program {
    std::vector<std::string> args;
};

/// How a console stream is written.
struct Framing {
    bool framed = false;
};

/// The caller's terminal.
struct TerminalSize {
    std::optional<std::uint64_t> rows, columns;
};

/// Where a console stream begins.
struct ConsolePlace {
    std::optional<std::uint64_t> lines;
    std::optional<std::uint64_t> offset;  // absolute console offset
    std::optional<std::uint64_t> mark;    // boundaries already seen, with offset
};

// The requests.

struct NoArguments {};

/// The request of verbs that take a name and nothing else.
struct ContainerRequest : OfContainer {};

struct CreateRequest : OfContainer, NewDefinition {
    bool autostart = false;
};

struct StartRequest : OfContainer, Program {};

struct RunRequest : OfContainer, NewDefinition, Program, Framing, TerminalSize {
    bool remove = false;
};

/// The request of stop and restart.
struct StopRequest : OfContainer {
    std::optional<std::uint64_t> timeout_usec;
};

struct KillRequest : OfContainer {
    std::string signal;
    bool all = false;
};

struct DeleteRequest : OfContainer {
    bool force = false;
};

struct AttachRequest : OfContainer, ConsolePlace, Framing, TerminalSize {
    bool observe = false;
    bool steal = false;
    std::string exec;  // identifies a process that `exec` started
};

struct LogsRequest : OfContainer, ConsolePlace, Framing {
    bool follow = false;
    bool timestamps = false;
    std::optional<std::uint64_t> since, until;  // microseconds since 1970
};

struct StatsRequest : OfContainer {
    std::optional<std::uint64_t> interval_usec;
};

struct ExecRequest : OfContainer, Framing, TerminalSize {
    std::vector<std::string> command;
    std::vector<std::string> env;
    std::string cwd;
    std::string user;
    bool terminal = false;
    bool input = false;
};

struct EditRequest : OfContainer {
    std::string drop_in;
    std::string content;   // of the file that is edited
    std::string previous;  // what was there when the editing began
};

struct VerifyRequest : OfContainer {
    std::string content;
};

struct SetRequest : OfContainer {
    std::vector<std::string> settings;  // KEY=VALUE
    bool runtime = false;
};

using Arguments = std::variant<NoArguments, ContainerRequest, CreateRequest, StartRequest, RunRequest, StopRequest,
                               KillRequest, DeleteRequest, AttachRequest, LogsRequest, StatsRequest, ExecRequest,
                               EditRequest, VerifyRequest, SetRequest>;

/// The caller, as the transport knows it. Every call has one, and no verb has it as an argument.
struct CallContext {
    Peer peer;
    Presence caller;  // once it has left, nobody takes the answer
};

/// The arguments of one call of a verb, and its caller. request_of() of verbs.hpp makes a request.
struct Request {
    Arguments arguments;
    CallContext context;

    template <class T>
    [[nodiscard]] T& as() {
        return std::get<T>(arguments);
    }
    template <class T>
    [[nodiscard]] const T& as() const {
        return std::get<T>(arguments);
    }
};

/// The place of a request's type among Arguments.
template <class T>
inline constexpr std::size_t kRequestIndex = []<class... Other>(std::type_identity<std::variant<Other...>>) {
    std::size_t index = 0;
    (void)((std::is_same_v<T, Other> || (++index, false)) || ...);
    return index;
}(std::type_identity<Arguments>());

template <class T>
concept NamesContainer = std::is_base_of_v<OfContainer, T>;

/// Null for a request that is not about one container.
[[nodiscard]] inline std::string* name_in(Request& request) {
    return std::visit(
        []<class T>(T& arguments) -> std::string* {
            if constexpr (NamesContainer<T>) return &arguments.name;
            return nullptr;
        },
        request.arguments);
}

/// Empty for a request that is not about one container.
[[nodiscard]] inline std::string name_in(const Request& request) {
    return std::visit(
        []<class T>(const T& arguments) {
            if constexpr (NamesContainer<T>) return arguments.name;
            return std::string();
        },
        request.arguments);
}

}  // namespace xctl::api
