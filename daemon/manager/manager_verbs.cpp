// SPDX-License-Identifier: LGPL-2.1-or-later
// Each verb as a function of a Request.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <format>

#include "daemon/manager/manager.hpp"
#include "daemon/manager/peer.hpp"
#include "daemon/ring/console_cursor.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/oci/names.hpp"
#include "lib/oci/state.hpp"

namespace xctl::manager {
namespace {

using api::Reply;
using api::Request;
using api::Verb;

std::optional<std::chrono::microseconds> timeout_of(const Request& request) {
    if (!request.timeout_usec) return std::nullopt;
    return std::chrono::microseconds(
        static_cast<std::int64_t>(std::min<std::uint64_t>(*request.timeout_usec, 1ULL << 50)));
}

Result<definition::Definition> definition_of(const Request& request) {
    definition::Definition definition;
    if (!request.bundle.starts_with('/'))
        return fail(Errc::invalid_argument,
                    std::format("bundle {}: must be an absolute path", xctl::quoted(request.bundle)));
    definition.bundle = request.bundle;
    definition.autostart = request.autostart;
    definition.remove_when_stopped = request.remove;
    if (!request.restart.empty()) {
        const auto when = value_of(model::kRestartPolicies, request.restart);
        if (!when)
            return fail(Errc::invalid_argument,
                        std::format("restart policy {}: must be no, on-failure, always or unless-stopped",
                                    xctl::quoted(request.restart)));
        definition.restart.when = *when;
    }
    if (request.scrollback) {
        if (*request.scrollback < definition::kMinScrollback || *request.scrollback > definition::kMaxScrollback)
            return fail(Errc::invalid_argument, std::format("scrollback: must be from {} to {} bytes",
                                                            definition::kMinScrollback, definition::kMaxScrollback));
        definition.scrollback = *request.scrollback;
    }
    return definition;
}

std::uint64_t until_offset(const ring::Ring& ring, const Request& request) {
    if (!request.until) return ring.end();
    return std::max(ring.begin(), ring.times().first_since(*request.until + 1, ring.end()));
}

ring::ConsoleCursor cursor_for(const ring::Ring& ring, const Request& request) {
    if (request.offset && request.mark) return ring::ConsoleCursor::resume(ring, *request.offset, *request.mark);
    if (request.offset) return ring::ConsoleCursor::at(ring, *request.offset);
    auto offset = ring.begin();
    // A line is as old as its end.
    if (request.since) offset = ring.line_begin(std::max(offset, ring.times().first_since(*request.since, ring.end())));
    if (request.lines) offset = std::max(offset, ring.line_offset(*request.lines, until_offset(ring, request)));
    return ring::ConsoleCursor::at(ring, offset);
}

}  // namespace

void Manager::call(Verb verb, Request request, Done done) {
    struct Row {
        Verb verb;
        void (Manager::*handler)(Request&, const Done&);
    };
    static constexpr std::array kHandlers{
        Row{Verb::create, &Manager::create}, Row{Verb::start, &Manager::start},
        Row{Verb::run, &Manager::run},       Row{Verb::stop, &Manager::stop},
        Row{Verb::restart, &Manager::restart}, Row{Verb::kill, &Manager::kill},
        Row{Verb::remove, &Manager::remove}, Row{Verb::list, &Manager::list},
        Row{Verb::state, &Manager::state},   Row{Verb::attach, &Manager::attach},
        Row{Verb::logs, &Manager::logs},     Row{Verb::wait, &Manager::wait},
        Row{Verb::enable, &Manager::enable}, Row{Verb::disable, &Manager::disable},
        Row{Verb::cat, &Manager::cat},       Row{Verb::explain, &Manager::explain},
        Row{Verb::diff, &Manager::diff},     Row{Verb::verify, &Manager::verify},
        Row{Verb::edit, &Manager::edit},     Row{Verb::set, &Manager::set},
        Row{Verb::pause, &Manager::pause},   Row{Verb::resume, &Manager::resume},
        Row{Verb::ps, &Manager::ps},         Row{Verb::stats, &Manager::stats},
        Row{Verb::exec, &Manager::exec},     Row{Verb::reset, &Manager::reset},
        Row{Verb::why, &Manager::why},       Row{Verb::history, &Manager::history},
        Row{Verb::clients, &Manager::clients}, Row{Verb::execs, &Manager::execs},
    };
    static_assert(kHandlers.size() + 1 == api::kVerbs.size(), "every verb but events has a handler");
    for (const auto& row : kHandlers)
        if (row.verb == verb) return (this->*row.handler)(request, done);
    done(fail(Errc::unsupported, "not a call"));
}

/// The answer of most verbs: the container as it is now.
container::Supervisor::Done Manager::reply_with(const std::string& name, Done done) {
    return [this, name, done = std::move(done)](Result<> result) {
        if (!result) return done(std::unexpected(std::move(result).error()));
        Reply reply;
        if (auto now = info(name)) reply.container = std::move(*now);
        done(std::move(reply));
    };
}

Result<container::Supervisor*> Manager::define(const Request& request, definition::Definitions::Lifetime lifetime) {
    auto id = TRY(ContainerId::parse(request.name));
    if (containers_.contains(request.name) || definitions_.exists(id))
        return fail(Errc::exists, std::format("container {} exists already", xctl::quoted(request.name)));
    const auto definition = TRY(definition_of(request));
    TRY(services_.blueprints.of_container(id, definition, request.args));
    TRY(begin_life(id));
    TRY(definitions_.save(id, definition, lifetime));
    loaded_[request.name] = {definitions_.stamp(id), std::nullopt};
    // Drop-ins may be there already, and count from the start.
    auto effective = definitions_.load(id);
    auto container = effective ? add(id, std::move(*effective)) : std::unexpected(std::move(effective).error());
    if (!container) {
        definitions_.withdraw(id, lifetime);
        return std::unexpected(std::move(container).error());
    }
    publish(info_of(**container), "created");
    return container;
}

void Manager::create(Request& request, const Done& done) {
    const auto made = define(request, definition::Definitions::Lifetime::lasting);
    reply_with(request.name, done)(made ? Result<>{} : std::unexpected(made.error()));
}

void Manager::start(Request& request, const Done& done) {
    const auto container = find(request.name);
    if (!container) return done(std::unexpected(container.error()));
    if (auto reloaded = reload(**container); !reloaded) return done(std::unexpected(std::move(reloaded).error()));
    mark_wanted(**container, true);
    starter_.start(request.name, std::move(request.args), reply_with(request.name, done));
}

/// The console is attached before the start, so that the caller sees the first byte.
void Manager::run(Request& request, const Done& done) {
    const auto lifetime =
        request.remove ? definition::Definitions::Lifetime::this_boot : definition::Definitions::Lifetime::lasting;
    auto options = console::ConsoleClient::Options::of(request);
    if (!options) return done(std::unexpected(std::move(options).error()));
    const auto made = define(request, lifetime);
    if (!made) return done(std::unexpected(made.error()));
    auto& container = **made;
    options->cursor =
        ring::ConsoleCursor::resume(container.ring(), container.ring().end(), container.ring().mark_count());
    auto console = open_console(container, request, std::move(*options));
    if (!console) return done(std::unexpected(console.error()));
    auto shared = std::make_shared<UniqueFd>(std::move(*console));
    mark_wanted(container, true);
    starter_.start(request.name, std::move(request.args), [done, shared](Result<> started) {
        if (!started) return done(std::unexpected(std::move(started).error()));
        Reply reply;
        reply.fd = std::move(*shared);
        done(std::move(reply));
    });
}

void Manager::stop(Request& request, const Done& done) {
    const auto container = find(request.name);
    if (!container) return done(std::unexpected(container.error()));
    mark_wanted(**container, false);
    (*container)->stop(timeout_of(request), model::EndRequest::of_user("stop", to_text(request.peer)),
                       reply_with(request.name, done));
}

void Manager::restart(Request& request, const Done& done) {
    const auto container = find(request.name);
    if (!container) return done(std::unexpected(container.error()));
    if (auto reloaded = reload(**container); !reloaded) return done(std::unexpected(std::move(reloaded).error()));
    mark_wanted(**container, true);
    (*container)->restart(timeout_of(request), model::EndRequest::of_user("restart", to_text(request.peer)),
                          reply_with(request.name, done));
}

void Manager::kill(Request& request, const Done& done) {
    const auto signal = request.signal.empty() ? std::optional(15) : oci::parse_signal(request.signal);
    if (!signal)
        return done(fail(Errc::invalid_argument, std::format("{} is not a signal", xctl::quoted(request.signal))));
    // It is for the program, not for the init that is about to execute it; stop() ends that as well.
    when_launched(request, done, [signal = *signal, request, done](container::Supervisor& container) {
        auto sent =
            container.kill(signal, request.all, model::EndRequest::of_user("kill", to_text(request.peer), signal));
        if (!sent) return done(std::unexpected(std::move(sent).error()));
        done(Reply{});
    });
}

void Manager::remove(Request& request, const Done& done) {
    const auto found = find(request.name);
    if (!found) return done(std::unexpected(found.error()));
    auto& container = **found;
    const auto state = container.state();
    const auto finish = [this, name = request.name, done](const Result<>& stopped) {
        if (!stopped) return done(std::unexpected(stopped.error()));
        const auto it = containers_.find(name);
        if (it == containers_.end()) return done(Reply{});  // it was made to go when it stops
        if (auto gone = forget(*it->second); !gone) return done(std::unexpected(std::move(gone).error()));
        done(Reply{});
    };
    if (state == model::State::created || model::is_at_rest(state)) return finish({});
    // After `systemctl stop`, which has seen more than we have.
    if (!request.force && container.is_about_to_stop()) return container.wait(finish);
    if (!request.force)
        return done(fail(Errc::wrong_state, std::format("{} is {}; stop it first, or use force", request.name,
                                                        name_of(model::kStates, state))));
    container.stop(std::chrono::microseconds(0), model::EndRequest::of_user("delete", to_text(request.peer)), finish);
}

void Manager::list(Request&, const Done& done) {
    when_units_run([this, done] { done(list_all()); });
}

void Manager::drop_undefined() {
    std::vector<container::Supervisor*> undefined;
    for (const auto& [name, container] : containers_)
        if (is_undefined(*container)) undefined.push_back(container.get());
    for (auto* container : undefined) drop(*container);
}

Reply Manager::list_all() {
    Reply reply;
    const auto survey = definitions_.survey();
    drop_undefined();
    reply.containers = find_new(*survey);
    reply.containers.reserve(reply.containers.size() + containers_.size());
    for (const auto& [name, container] : containers_) {
        reload_if_changed(*container, definitions_.stamp(container->id(), *survey));
        reply.containers.push_back(info_of(*container));
    }
    std::ranges::sort(reply.containers, {}, &api::ContainerInfo::name);
    return reply;
}

void Manager::state(Request& request, const Done& done) {
    when_units_run([this, name = request.name, done] { done(describe(name)); });
}

Result<Reply> Manager::describe(const std::string& name) {
    const auto container = find(name);
    Reply reply;
    if (container) {
        reply.container = info_of(**container);
        reply.oci_state = (*container)->oci_state();
        return reply;
    }
    const auto id = ContainerId::parse(name);
    if (!id || container.error().code == Errc::not_found) return std::unexpected(container.error());
    reply.container = info_of_broken(*id, container.error());
    oci::State state;
    state.id = id->str();
    state.status = oci::Status::stopped;
    reply.oci_state = oci::to_json(state);
    return reply;
}

Result<UniqueFd> Manager::open_console(container::Supervisor& container, const Request& request,
                                       console::ConsoleClient::Options options) {
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_STREAM));
    TRY(container.attach(std::move(ours), std::move(options), request.steal));
    return std::move(theirs);
}

void Manager::attach(Request& request, const Done& done) {
    const auto container = find(request.name);
    if (!container) return done(std::unexpected(container.error()));
    if (request.observe && request.steal)
        return done(fail(Errc::invalid_argument, "observe and steal: a client that only watches takes no input over"));
    if (!request.exec.empty()) return attach_to_exec(**container, request, done);
    auto options = console::ConsoleClient::Options::of(request);
    if (!options) return done(std::unexpected(std::move(options).error()));
    options->cursor = cursor_for((*container)->ring(), request);
    Reply reply;
    auto console = open_console(**container, request, std::move(*options));
    if (!console) return done(std::unexpected(std::move(console).error()));
    reply.fd = std::move(*console);
    done(std::move(reply));
}

void Manager::logs(Request& request, const Done& done) {
    const auto container = find(request.name);
    if (!container) return done(std::unexpected(container.error()));
    auto options = console::ConsoleClient::Options::of(request);
    if (!options) return done(std::unexpected(std::move(options).error()));
    options->cursor = cursor_for((*container)->ring(), request);
    options->observe = true;
    options->follow = request.follow;
    if (request.until && request.follow)
        return done(fail(Errc::invalid_argument, "until and follow: what follows has no end"));
    if (request.timestamps && !request.framed)
        return done(fail(Errc::invalid_argument, "timestamps: a stream without frames has no place for them"));
    if (request.timestamps) options->cursor.tell_times();
    if (request.until) options->until = until_offset((*container)->ring(), request);
    Reply reply;
    auto console = open_console(**container, request, std::move(*options));
    if (!console) return done(std::unexpected(std::move(console).error()));
    reply.fd = std::move(*console);
    done(std::move(reply));
}

void Manager::wait(Request& request, const Done& done) {
    const auto container = find(request.name);
    if (!container) return done(std::unexpected(container.error()));
    if ((*container)->state() == model::State::created)
        return done(fail(Errc::wrong_state, std::format("{0} has not run yet; xctl start {0} starts it", request.name)));
    // Answered with the state at that moment: a container that goes when it stops is not there any more later.
    const auto answer = [container = *container, done](const Result<>&) {
        Reply reply;
        reply.container = container->info();
        done(std::move(reply));
    };
    (*container)->wait(answer, request.caller);
}

void Manager::set_autostart(const std::string& name, bool autostart, const Done& done) {
    const auto container = find(name);
    if (!container) return done(std::unexpected(container.error()));
    if (auto set = definitions_.set_autostart((*container)->id(), autostart); !set)
        return done(std::unexpected(std::move(set).error()));
    if (auto reloaded = reload(**container); !reloaded) return done(std::unexpected(std::move(reloaded).error()));
    publish(info_of(**container), "changed");
    reply_with(name, done)({});
}

void Manager::enable(Request& request, const Done& done) { set_autostart(request.name, true, done); }
void Manager::disable(Request& request, const Done& done) { set_autostart(request.name, false, done); }

}  // namespace xctl::manager
