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

Result<StreamMode> mode_of(const Command& command) {
    const bool logs = command.verb->value == Verb::logs;
    const bool exec = command.verb->value == Verb::exec;
    StreamMode mode;
    mode.name = exec ? command.request.command.front() : command.request.name;
    mode.input = exec ? command.request.input || command.request.terminal : !logs && !command.request.observe;
    mode.until_exit = !logs;
    mode.until_stop = logs && command.request.follow;
    mode.joins = command.verb->value == Verb::attach;
    mode.before_start = command.verb->value == Verb::run || exec;
    mode.detach_keys = TRY(parse_detach_keys(command.options.detach_keys));
    return mode;
}

LogFormat format_of(const Command& command) {
    if (command.verb->value != Verb::logs) return LogFormat::raw;
    if (command.options.json) return LogFormat::json;
    return command.request.timestamps ? LogFormat::timestamps : LogFormat::raw;
}

StreamState state_of(const Command& command) {
    StreamState state;
    state.lines = LogLines(format_of(command));
    state.next = command.request.offset;
    // What `run` makes has printed nothing yet.
    if (command.verb->value == Verb::run || command.verb->value == Verb::exec) state.next = 0;
    return state;
}

/// What to ask for in order to go on where the lost connection ended. What was made is not made again.
void go_on_from(const StreamState& state, Command& command) {
    if (command.verb->value == Verb::run || command.verb->value == Verb::exec) {
        const auto made = std::exchange(command.request, {});
        command.verb = &api::verb_row(Verb::attach);
        command.request.name = made.name;
        command.request.exec = made.exec;
        command.request.framed = true;
    }
    // The one who wrote goes on to, whoever is back first; one from whom the input was taken does not take it back.
    command.request.steal = state.writer && !state.input_ended;
    if (!state.next) return;
    command.request.offset = state.next;
    command.request.mark = state.mark;
    command.request.lines.reset();
    command.request.since.reset();
}

/// Known before the container looks at its terminal for the first time.
void say_size(api::Request& request) {
    const auto size = terminal_size(STDIN_FILENO);
    if (!size) return;
    request.rows = size->rows;
    request.columns = size->columns;
}

/// How a console stream came to its end.
struct Ending {
    StreamOutcome outcome;
    int signal = 0;
};

/// The next connection, or how the user left while there was none.
using Again = std::variant<UniqueFd, Ending>;

Result<Again> connect_again(Client& client, const StreamState& state, Command& command, const Patience& patience,
                            Outage& outage) {
    go_on_from(state, command);
    if (command.verb->value == Verb::attach) say_size(command.request);
    auto reply = Result<api::Reply>(fail(Errc::system, "the connection to xctld was lost"));
    do {
        if (patience.is_over()) return std::unexpected(std::move(reply).error());
        if (outage.wait(-1, 0, kPause)) reply = client.call(*command.verb, command.request);
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
std::string left_text(const StreamMode& mode, const api::Request& request) {
    if (request.exec.empty()) return std::format("detached; {} goes on running", mode.name);
    return std::format("detached; {} goes on running: xctl attach {} --exec={}", mode.name, request.name, request.exec);
}

/// The exit status, for every outcome but a lost connection.
int conclude(const Ending& ending, const StreamMode& mode, const StreamState& state, const api::Request& request) {
    const bool left = ending.outcome == StreamOutcome::detached || ending.outcome == StreamOutcome::signaled;
    if (left && mode.until_exit && ending.signal != SIGPIPE) say(left_text(mode, request));
    if (ending.outcome == StreamOutcome::signaled) die_by(ending.signal);
    if (left || !mode.until_exit) return EXIT_SUCCESS;
    if (state.last_end && state.last_end->status < 0)
        say(std::format("{} has ended; its exit status is not known", mode.name));
    return status_of(state.last_end);
}

/// Over as many connections as it takes.
Result<Ending> follow(Client& client, Command& command, UniqueFd fd, StreamMode& mode, StreamState& state,
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
        auto again = connect_again(client, state, command, patience, outage);
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
    Command current = command;
    current.request.framed = true;
    current.request.timestamps = format_of(command) != LogFormat::raw;
    auto mode = TRY(mode_of(current));
    auto state = state_of(current);
    if (current.verb->value != Verb::logs) say_size(current.request);
    auto reply = TRY(client.call(*current.verb, current.request));
    if (!reply.exec.empty()) current.request.exec = reply.exec;
    RawTerminal terminal(STDIN_FILENO);
    const auto ending = follow(client, current, std::move(reply.fd), mode, state, terminal);
    restore_screen(state);
    terminal.restore();
    if (!ending) return std::unexpected(ending.error());
    return conclude(*ending, mode, state, current.request);
}

}  // namespace xctl::client
