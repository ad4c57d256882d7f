// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/attach.hpp"

#include <unistd.h>

#include <cstdio>
#include <format>
#include <utility>
#include <variant>

#include "api/errors.hpp"
#include "client/outage.hpp"
#include "client/patience.hpp"
#include "client/stream.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::client {
namespace {

using api::Verb;

/// The part of a request that only some requests have; null for the others.
template <class Part>
Part* part_of(api::Request& request) {
    return std::visit(
        []<class T>(T& arguments) -> Part* {
            if constexpr (std::is_base_of_v<Part, T>) return &arguments;
            return nullptr;
        },
        request.arguments);
}

StreamMode mode_for(const api::LogsRequest& logs) {
    StreamMode mode;
    mode.name = logs.name;
    mode.until_stop = logs.follow;
    return mode;
}

StreamMode mode_for(const api::AttachRequest& attach) {
    StreamMode mode;
    mode.name = attach.name;
    mode.input = !attach.observe;
    mode.until_exit = true;
    mode.joins = true;
    return mode;
}

StreamMode mode_for(const api::RunRequest& run) {
    StreamMode mode;
    mode.name = run.name;
    mode.input = true;
    mode.until_exit = true;
    mode.before_start = true;
    return mode;
}

StreamMode mode_for(const api::ExecRequest& exec) {
    StreamMode mode;
    mode.name = exec.command.front();
    mode.input = exec.input || exec.terminal;
    mode.until_exit = true;
    mode.before_start = true;
    return mode;
}

Result<StreamMode> mode_of(const Command& command) {
    auto mode = std::visit(
        [](const auto& arguments) {
            if constexpr (requires { mode_for(arguments); }) return mode_for(arguments);
            return StreamMode();
        },
        command.request.arguments);
    mode.detach_keys = TRY(parse_detach_keys(command.options.detach_keys));
    return mode;
}

LogFormat format_of(const Command& command) {
    const auto* logs = std::get_if<api::LogsRequest>(&command.request.arguments);
    if (logs == nullptr) return LogFormat::raw;
    if (command.options.json) return LogFormat::json;
    return logs->timestamps ? LogFormat::timestamps : LogFormat::raw;
}

/// The console that is followed, and how it was asked for last.
struct Followed {
    Command command;
    std::string exec;  // identifies a program that exec started; empty: the container's own console

    template <class Part>
    Part* part() {
        return part_of<Part>(command.request);
    }
};

StreamState state_of(Followed& followed) {
    StreamState state;
    state.lines = LogLines(format_of(followed.command));
    const auto* place = followed.part<api::ConsolePlace>();
    // What `run` makes has printed nothing yet.
    state.next = place ? place->offset : 0;
    return state;
}

/// What to ask for in order to go on where the lost connection ended. What was made is not made again.
void go_on_from(const StreamState& state, Followed& followed) {
    auto& request = followed.command.request;
    if (followed.part<api::ConsolePlace>() == nullptr) {
        api::AttachRequest attach;
        attach.name = api::name_in(std::as_const(request));
        attach.exec = followed.exec;
        attach.framed = true;
        request.arguments = std::move(attach);
        followed.command.verb = &api::verb_row(Verb::attach);
    }
    // The one who wrote goes on to, whoever is back first; one from whom the input was taken does not take it back.
    if (auto* attach = followed.part<api::AttachRequest>()) attach->steal = state.writer && !state.input_ended;
    if (!state.next) return;
    auto& place = *followed.part<api::ConsolePlace>();
    place.offset = state.next;
    place.mark = state.mark;
    place.lines.reset();
    if (auto* logs = followed.part<api::LogsRequest>()) logs->since.reset();
}

/// Known before the container looks at its terminal for the first time.
void say_size(Followed& followed) {
    auto* terminal = followed.part<api::TerminalSize>();
    const auto size = terminal_size(STDIN_FILENO);
    if (!size || terminal == nullptr) return;
    terminal->rows = size->rows;
    terminal->columns = size->columns;
}

/// How a console stream came to its end.
struct Ending {
    StreamOutcome outcome;
    int signal = 0;
};

/// The next connection, or how the user left while there was none.
using Again = std::variant<UniqueFd, Ending>;

Result<Again> connect_again(Client& client, const StreamState& state, Followed& followed, const Patience& patience,
                            Outage& outage) {
    go_on_from(state, followed);
    say_size(followed);
    auto reply = Result<api::Reply>(fail(Errc::system, "the connection to xctld was lost"));
    do {
        if (patience.is_over()) return std::unexpected(std::move(reply).error());
        if (outage.wait(-1, 0, kPause)) reply = client.call(*followed.command.verb, followed.command.request);
        if (outage.outcome()) return Ending{*outage.outcome(), outage.last_signal()};
    } while (!reply && client.disconnected());
    if (!reply) return std::unexpected(std::move(reply).error());
    outage.end();
    return std::move(reply->fd);
}

int status_of(const std::optional<api::RunEnd>& end) {
    if (!end) return EXIT_SUCCESS;
    if (end->status < 0) return api::kExitOwnFailure;
    return end->signaled ? api::kExitSignalBase + end->status : end->status;
}

void say(std::string_view text) { std::fprintf(stderr, "xctl: %s\n", printable(text).c_str()); }

/// How the program is called that goes on, and how to come back to it.
std::string left_text(const StreamMode& mode, const Followed& followed) {
    if (followed.exec.empty()) return std::format("detached; {} goes on running", mode.name);
    return std::format("detached; {} goes on running: xctl attach {} --exec={}", mode.name,
                       api::name_in(followed.command.request), followed.exec);
}

/// The exit status, for every outcome but a lost connection.
int conclude(const Ending& ending, const StreamMode& mode, const StreamState& state, const Followed& followed) {
    const bool left = ending.outcome == StreamOutcome::detached || ending.outcome == StreamOutcome::signaled;
    if (left && mode.until_exit && ending.signal != SIGPIPE) say(left_text(mode, followed));
    if (ending.outcome == StreamOutcome::signaled) die_by(ending.signal);
    if (left || !mode.until_exit) return EXIT_SUCCESS;
    if (state.last_end && state.last_end->status < 0)
        say(std::format("{} has ended; its exit status is not known", mode.name));
    return status_of(state.last_end);
}

/// Over as many connections as it takes.
Result<Ending> follow(Client& client, Followed& followed, UniqueFd fd, StreamMode& mode, StreamState& state,
                      RawTerminal& terminal) {
    constexpr Stream::Descriptors kStandard{};
    Patience patience;
    while (true) {
        Stream stream(std::move(fd), mode, state, terminal, kStandard);
        const auto offset = state.next;
        const auto outcome = TRY(stream.run());
        if (outcome != StreamOutcome::lost) return Ending{outcome, stream.last_signal()};
        // Only a connection that got somewhere earns new patience: a server that hangs up at once does not.
        if (state.next != offset || stream.was_live()) patience.renew();
        auto outage = TRY(Outage::begin(mode, state, terminal, kStandard));
        client.set_wait([&outage](int waited, short events) { return outage.wait(waited, events, std::nullopt); });
        auto again = connect_again(client, state, followed, patience, outage);
        client.set_wait({});
        if (!again) return std::unexpected(std::move(again).error());
        if (const auto* ending = std::get_if<Ending>(&*again)) return *ending;
        fd = std::get<UniqueFd>(std::move(*again));
        mode.before_start = false;
    }
}

/// As it was before a program changed it.
void restore_screen(const StreamState& state) {
    const auto undo = state.screen.modes().undo();
    const int fd = ::isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : STDERR_FILENO;
    if (undo.empty() || ::isatty(fd) != 1) return;
    const auto own = open_own(fd);
    (void)!::write(own ? own.get() : fd, undo.data(), undo.size());
}

}  // namespace

Result<int> follow_console(Client& client, const Command& command) {
    Followed followed{command, {}};
    followed.part<api::Framing>()->framed = true;
    if (auto* logs = followed.part<api::LogsRequest>()) logs->timestamps = format_of(command) != LogFormat::raw;
    if (const auto* attach = followed.part<api::AttachRequest>()) followed.exec = attach->exec;
    auto mode = TRY(mode_of(command));
    auto state = state_of(followed);
    say_size(followed);
    auto reply = TRY(client.call(*command.verb, followed.command.request));
    if (!reply.exec.empty()) followed.exec = reply.exec;
    RawTerminal terminal(STDIN_FILENO);
    const auto ending = follow(client, followed, std::move(reply.fd), mode, state, terminal);
    restore_screen(state);
    terminal.restore();
    if (!ending) return std::unexpected(ending.error());
    return conclude(*ending, mode, state, followed);
}

}  // namespace xctl::client
