// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/commands.hpp"

#include <algorithm>
#include <cstdio>
#include <format>
#include <functional>
#include <fstream>
#include <iterator>

#include "api/errors.hpp"
#include "client/attach.hpp"
#include "client/edit.hpp"
#include "client/patience.hpp"
#include "client/render.hpp"
#include "lib/base/utf8.hpp"

namespace xctl::client {
namespace {

using api::Verb;

Time now() { return std::chrono::system_clock::now(); }

/// Every answer is printed here, so that none controls the terminal, whoever made it. JSON is the same afterwards, as
/// json_text() has escaped it. A full disk or closed pipe is an error, not silence.
Result<int> print(std::string_view answer) {
    const auto text = printable_lines(answer);
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        return fail_errno(errno, "cannot write to standard output");
    return EXIT_SUCCESS;
}

Result<int> run_simply(Client& client, const Command& command) {
    TRY(client.call(*command.verb, command.request));
    return EXIT_SUCCESS;
}

Result<int> run_console(Client& client, const Command& command) {
    if (!command.options.detach) return follow_console(client, command);
    // Closing the descriptor detaches.
    const auto reply = TRY(client.call(*command.verb, command.request));
    return print((reply.exec.empty() ? api::name_in(command.request) : reply.exec) + '\n');
}

Result<int> run_list(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    if (command.options.json) return print(json_of(reply.containers) + '\n');
    return print(render_list(reply.containers, now()));
}

Result<int> run_clients(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    if (command.options.json) return print(json_of(reply.clients) + '\n');
    return print(render_clients(reply.clients, now()));
}

Result<int> run_execs(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    return print(command.options.json ? json_of(reply.execs) + '\n' : render_execs(reply.execs, now()));
}

Result<int> run_state(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    return print(command.options.json ? json_document(reply.oci_state) + '\n' : render_state(reply.container, now()));
}

Result<int> run_wait(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    if (command.options.json) TRY(print(json_of(reply.container) + '\n'));
    return exit_status_of(reply.container);
}

/// Prints each reply, over as many connections as it takes. While xctld is being restarted nothing is printed.
Result<int> observe_on(Client& client, const Command& command,
                       const std::function<Result<int>(const api::Reply&)>& print_one) {
    Result<int> printed = EXIT_SUCCESS;
    Patience patience;
    bool answered = false;
    while (true) {
        const auto done = client.observe(*command.verb, command.request, [&](const api::Reply& reply) {
            printed = print_one(reply);
            return printed.has_value();
        });
        if (done || !printed) return printed;
        // At the first try, an xctld without a socket is not being restarted: it is not there.
        const bool connected = client.was_cut_off();
        answered |= connected;
        if (!answered || !client.disconnected()) return std::unexpected(done.error());
        // Events may be rare, so that a connection that lasted is as good as an answer.
        if (connected) patience.renew();
        if (!patience.pause()) return std::unexpected(done.error());
    }
}

Result<int> run_events(Client& client, const Command& command) {
    return observe_on(client, command, [&](const api::Reply& reply) {
        return print(command.options.json ? json_of(reply.event) + '\n' : render_event(reply.event));
    });
}

/// Prints one answer.
using Render = std::string (*)(const Command&, const api::Reply&);

Result<int> run_reading(Client& client, const Command& command, Render render) {
    return print(render(command, TRY(client.call_patiently(*command.verb, command.request))));
}

Result<int> run_ps(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    if (!command.options.json) return print(render_processes(reply.processes, reply.left_out));
    // The array that scripts read has no place for it.
    if (reply.left_out > 0) std::fprintf(stderr, "xctl: %s\n", left_out_text(reply.left_out, "processes").c_str());
    return print(json_of(reply.processes) + '\n');
}

std::string stats_text(const Command& asked, const api::Reply& reply) {
    return asked.options.json ? json_of(reply.stats, reply.interfaces, reply.left_out) + '\n'
                              : render_stats(reply.stats, reply.interfaces, reply.left_out);
}

Result<int> follow_stats(Client& client, const Command& command) {
    return observe_on(client, command, [&](const api::Reply& reply) {
        return print(stats_text(command, reply) + (command.options.json ? "" : "\n"));
    });
}

Result<int> run_stats(Client& client, const Command& command) {
    return command.options.follow ? follow_stats(client, command) : run_reading(client, command, stats_text);
}

Result<int> run_why(Client& client, const Command& command) {
    return run_reading(client, command, [](const Command& asked, const api::Reply& reply) {
        return asked.options.json ? json_of(reply.run) + '\n' : render_why(api::name_in(asked.request), reply.run, now());
    });
}

Result<int> run_history(Client& client, const Command& command) {
    return run_reading(client, command, [](const Command& asked, const api::Reply& reply) {
        return asked.options.json ? json_of(reply.runs) + '\n' : render_history(reply.runs, now());
    });
}

Result<int> run_cat(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    return print(command.options.json ? json_of(reply.settings) + '\n' : render_settings(reply.settings));
}

Result<int> run_diff(Client& client, const Command& command) {
    const auto reply = TRY(client.call_patiently(*command.verb, command.request));
    return print(command.options.json ? json_of(reply.settings) + '\n' : render_differences(reply.settings));
}

Result<int> run_explain(Client& client, const Command& command) {
    return print(TRY(client.call_patiently(*command.verb, command.request)).text);
}

Result<int> print_findings(const Command& command, const std::vector<api::Finding>& findings) {
    TRY(print(command.options.json ? json_of(findings) + '\n' : render_findings(findings)));
    return std::ranges::contains(findings, "error", &api::Finding::severity) ? api::kExitFailure : EXIT_SUCCESS;
}

Result<int> verify_all(Client& client, const Command& command) {
    std::vector<api::Finding> all;
    for (const auto& container : TRY(client.call_patiently(api::verb_row(Verb::list), api::request_of(Verb::list))).containers) {
        auto request = api::request_of(Verb::verify);
        request.as<api::VerifyRequest>().name = container.name;
        auto checked = client.call_patiently(*command.verb, request);
        // Its files were removed, and it is still there.
        if (!checked && checked.error().code == Errc::not_found)
            checked.emplace().findings.push_back({"error", container.load_error, {}});
        if (!checked) return std::unexpected(checked.error());
        for (auto& finding : checked->findings) {
            finding.message = container.name + ": " + finding.message;
            all.push_back(std::move(finding));
        }
    }
    return print_findings(command, all);
}

Result<std::string> read_definition(const std::string& path) {
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) return fail_errno(errno, "read " + path);
    if (text.empty()) return fail(Errc::invalid_document, path + ": is empty");
    return text;
}

/// All containers, one by its name, or a file that may be no container's yet.
Result<int> run_verify(Client& client, const Command& command) {
    constexpr std::string_view kSuffix = ".json";
    auto request = command.request;
    auto& arguments = request.as<api::VerifyRequest>();
    auto& name = arguments.name;
    if (name.empty()) return verify_all(client, command);
    if (name.contains('/') || name.ends_with(kSuffix)) {
        arguments.content = TRY(read_definition(name));
        name = name.substr(name.rfind('/') + 1);
        if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
    }
    return print_findings(command, TRY(client.call_patiently(*command.verb, request)).findings);
}

/// systemd may start it at boot as well. To enable it is all that was asked for, so that nobody gives a password for more.
Result<int> run_enable(Client& client, const Command& command) {
    TRY(client.call(*command.verb, command.request));
    client.ask_nobody();
    auto request = api::request_of(Verb::verify);
    request.as<api::VerifyRequest>().name = api::name_in(command.request);
    const auto checked = client.call_patiently(api::verb_row(Verb::verify), request);
    const bool refused = !checked && (checked.error().code == Errc::needs_auth || checked.error().code == Errc::denied);
    if (!checked && !refused)
        std::fprintf(stderr, "xctl: cannot verify it: %s\n", printable(checked.error().message).c_str());
    for (const auto& finding : checked ? checked->findings : std::vector<api::Finding>())
        if (finding.key == "/autostart") std::fprintf(stderr, "xctl: %s\n", printable(finding.message).c_str());
    return EXIT_SUCCESS;
}

/// Says what the change of a definition leaves for the next start.
Result<int> run_set(Client& client, const Command& command) {
    const auto reply = TRY(client.call(*command.verb, command.request));
    std::fputs(render_waiting(api::name_in(command.request), reply.settings).c_str(), stderr);
    return EXIT_SUCCESS;
}

/// The function of xctl for a verb, and the options that xctl itself has for the verb.
struct Action {
    Verb value;
    Result<int> (*run)(Client&, const Command&);
    ForVerbs options;
};

/// A row for each verb, in the order of api::kVerbs.
constexpr auto kActions = std::to_array<Action>({
    {Verb::create, run_simply, {}},
    {Verb::start, run_simply, {}},
    {Verb::run, run_console, ForVerbs::makes | ForVerbs::attaches},
    {Verb::stop, run_simply, {}},
    {Verb::restart, run_simply, {}},
    {Verb::kill, run_simply, {}},
    {Verb::remove, run_simply, {}},
    {Verb::list, run_list, ForVerbs::prints},
    {Verb::state, run_state, ForVerbs::prints},
    {Verb::attach, run_console, ForVerbs::attaches},
    {Verb::logs, run_console, ForVerbs::prints},
    {Verb::wait, run_wait, ForVerbs::prints},
    {Verb::events, run_events, ForVerbs::prints},
    {Verb::enable, run_enable, {}},
    {Verb::disable, run_simply, {}},
    {Verb::cat, run_cat, ForVerbs::prints},
    {Verb::explain, run_explain, {}},
    {Verb::diff, run_diff, ForVerbs::prints},
    {Verb::verify, run_verify, ForVerbs::prints},
    {Verb::edit, edit_definition, {}},
    {Verb::set, run_set, {}},
    {Verb::pause, run_simply, {}},
    {Verb::resume, run_simply, {}},
    {Verb::ps, run_ps, ForVerbs::prints},
    {Verb::stats, run_stats, ForVerbs::prints | ForVerbs::repeats},
    {Verb::exec, run_console, ForVerbs::makes | ForVerbs::attaches},
    {Verb::reset, run_simply, {}},
    {Verb::why, run_why, ForVerbs::prints},
    {Verb::history, run_history, ForVerbs::prints},
    {Verb::clients, run_clients, ForVerbs::prints},
    {Verb::execs, run_execs, ForVerbs::prints},
});
static_assert(std::ranges::equal(kActions, api::kVerbs, {}, &Action::value, &api::VerbRow::value),
              "every verb has its row, in order");

const Action& action_row(Verb verb) { return kActions[static_cast<std::size_t>(verb)]; }

bool has(ForVerbs all, ForVerbs one) { return (static_cast<std::uint8_t>(all) & static_cast<std::uint8_t>(one)) != 0; }

/// The exit status is that of the program whose console xctl attaches to.
bool shows_program_status(const api::VerbRow* verb) {
    return verb && has(action_row(verb->value).options, ForVerbs::attaches);
}

/// What a shell says of a command that is not there, or cannot be executed.
constexpr int kExitNotExecutable = 126, kExitNotFound = 127;

bool is_about_program(const api::VerbRow* verb, const Error& error) {
    return verb && verb->value == Verb::exec && error.code == Errc::launch_failed &&
           (error.step == "executable" || error.step == "exec");
}

}  // namespace

Result<int> run_command(Client& client, const Command& command) {
    return action_row(command.verb->value).run(client, command);
}

bool takes_option(Verb verb, const OptionRow& row) { return has(action_row(verb).options, row.verbs); }

int failure_status(const api::VerbRow* verb, const Error& error) {
    if (is_about_program(verb, error)) return error.sys_errno == ENOENT ? kExitNotFound : kExitNotExecutable;
    return shows_program_status(verb) ? api::kExitOwnFailure : api::error_row(error.code).exit_status;
}

}  // namespace xctl::client
