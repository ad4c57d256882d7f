// SPDX-License-Identifier: LGPL-2.1-or-later
// Each verb as a function of its call.
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
using api::Verb;

std::optional<std::chrono::microseconds> timeout_of(const api::StopRequest& request) {
    if (!request.timeout_usec) return std::nullopt;
    return std::chrono::microseconds(
        static_cast<std::int64_t>(std::min<std::uint64_t>(*request.timeout_usec, 1ULL << 50)));
}

Result<definition::Definition> definition_of(const api::NewDefinition& request) {
    definition::Definition definition;
    if (!request.bundle.starts_with('/'))
        return fail(Errc::invalid_argument,
                    std::format("bundle {}: must be an absolute path", xctl::quoted(request.bundle)));
    definition.bundle = request.bundle;
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

ring::ConsoleCursor cursor_for(const ring::Ring& ring, const api::ConsolePlace& place) {
    if (place.offset && place.mark) return ring::ConsoleCursor::resume(ring, *place.offset, *place.mark);
    if (place.offset) return ring::ConsoleCursor::at(ring, *place.offset);
    auto offset = ring.begin();
    if (place.lines) offset = std::max(offset, ring.line_offset(*place.lines, ring.end()));
    return ring::ConsoleCursor::at(ring, offset);
}

std::uint64_t until_offset(const ring::Ring& ring, const api::LogsRequest& request) {
    if (!request.until) return ring.end();
    return std::max(ring.begin(), ring.times().first_since(*request.until + 1, ring.end()));
}

ring::ConsoleCursor cursor_for(const ring::Ring& ring, const api::LogsRequest& request) {
    if (request.offset) return cursor_for(ring, static_cast<const api::ConsolePlace&>(request));
    auto offset = ring.begin();
    // A line is as old as its end.
    if (request.since) offset = ring.line_begin(std::max(offset, ring.times().first_since(*request.since, ring.end())));
    if (request.lines) offset = std::max(offset, ring.line_offset(*request.lines, until_offset(ring, request)));
    return ring::ConsoleCursor::at(ring, offset);
}

Result<UniqueFd> open_console(container::Supervisor& container, console::ConsoleClient::Options options, bool steal) {
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_STREAM));
    TRY(container.attach(std::move(ours), std::move(options), steal));
    return std::move(theirs);
}

/// Answers with the console, or why there is none.
void answer_console(Result<UniqueFd> console, const Done& done) {
    if (!console) return done(std::unexpected(std::move(console).error()));
    Reply reply;
    reply.fd = std::move(*console);
    done(std::move(reply));
}

}  // namespace

/// The answer of most verbs: the container as it is now.
container::Supervisor::Done Manager::reply_with(const ContainerId& id, Done done) {
    return [this, id, done = std::move(done)](Result<> result) {
        if (!result) return done(std::unexpected(std::move(result).error()));
        Reply reply;
        if (auto now = info(id.str())) reply.container = std::move(*now);
        done(std::move(reply));
    };
}

Result<container::Supervisor*> Manager::define(const ContainerId& id, Result<definition::Definition> made,
                                               const std::vector<std::string>& args,
                                               definition::Definitions::Lifetime lifetime) {
    if (containers_.contains(id) || definitions_.exists(id))
        return fail(Errc::exists, std::format("container {} exists already", xctl::quoted(id.str())));
    const auto definition = TRY(std::move(made));
    TRY(services_.blueprints.of_container(id, definition, args));
    TRY(begin_life(id));
    TRY(definitions_.save(id, definition, lifetime));
    loaded_[id] = {definitions_.stamp(id), std::nullopt};
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

void Manager::create(const Call<api::CreateRequest>& call) {
    auto definition = definition_of(call.arguments);
    if (definition) definition->autostart = call.arguments.autostart;
    const auto made = define(call.id, std::move(definition), {}, definition::Definitions::Lifetime::lasting);
    reply_with(call.id, call.done)(made ? Result<>{} : std::unexpected(made.error()));
}

void Manager::start(const Call<api::StartRequest>& call) {
    const auto container = find(call.id);
    if (!container) return call.done(std::unexpected(container.error()));
    if (auto reloaded = reload(**container); !reloaded) return call.done(std::unexpected(std::move(reloaded).error()));
    mark_wanted(**container, true);
    starter_.start(call.id, std::move(call.arguments.args), reply_with(call.id, call.done));
}

/// The console is attached before the start, so that the caller sees the first byte.
void Manager::run(const Call<api::RunRequest>& call) {
    auto& request = call.arguments;
    const auto lifetime =
        request.remove ? definition::Definitions::Lifetime::this_boot : definition::Definitions::Lifetime::lasting;
    auto options = console::ConsoleClient::Options::of(request, request, call.context.peer);
    if (!options) return call.done(std::unexpected(std::move(options).error()));
    auto definition = definition_of(request);
    if (definition) definition->remove_when_stopped = request.remove;
    const auto made = define(call.id, std::move(definition), request.args, lifetime);
    if (!made) return call.done(std::unexpected(made.error()));
    auto& container = **made;
    options->cursor =
        ring::ConsoleCursor::resume(container.ring(), container.ring().end(), container.ring().mark_count());
    auto console = open_console(container, std::move(*options), false);
    if (!console) return call.done(std::unexpected(console.error()));
    auto shared = std::make_shared<UniqueFd>(std::move(*console));
    mark_wanted(container, true);
    starter_.start(call.id, std::move(request.args), [done = call.done, shared](Result<> started) {
        if (!started) return done(std::unexpected(std::move(started).error()));
        answer_console(std::move(*shared), done);
    });
}

void Manager::stop(const Call<api::StopRequest>& call) {
    const auto container = find(call.id);
    if (!container) return call.done(std::unexpected(container.error()));
    mark_wanted(**container, false);
    (*container)->stop(timeout_of(call.arguments), model::EndRequest::of_user("stop", to_text(call.context.peer)),
                       reply_with(call.id, call.done));
}

void Manager::restart(const Call<api::StopRequest>& call) {
    const auto container = find(call.id);
    if (!container) return call.done(std::unexpected(container.error()));
    if (auto reloaded = reload(**container); !reloaded) return call.done(std::unexpected(std::move(reloaded).error()));
    mark_wanted(**container, true);
    (*container)->restart(timeout_of(call.arguments), model::EndRequest::of_user("restart", to_text(call.context.peer)),
                          reply_with(call.id, call.done));
}

void Manager::kill(const Call<api::KillRequest>& call) {
    const auto& request = call.arguments;
    const auto signal = request.signal.empty() ? std::optional(15) : oci::parse_signal(request.signal);
    if (!signal)
        return call.done(
            fail(Errc::invalid_argument, std::format("{} is not a signal", xctl::quoted(request.signal))));
    const auto end = model::EndRequest::of_user("kill", to_text(call.context.peer), *signal);
    // The signal is for the program, not for the init that is about to execute the program; stop() ends the init as well.
    when_launched(call.id, call.done,
                  [signal = *signal, all = request.all, end, done = call.done](container::Supervisor& container) {
                      auto sent = container.kill(signal, all, end);
                      if (!sent) return done(std::unexpected(std::move(sent).error()));
                      done(Reply{});
                  });
}

void Manager::remove(const Call<api::DeleteRequest>& call) {
    const auto found = find(call.id);
    if (!found) return call.done(std::unexpected(found.error()));
    auto& container = **found;
    const auto state = container.state();
    const auto finish = [this, id = call.id, done = call.done](const Result<>& stopped) {
        if (!stopped) return done(std::unexpected(stopped.error()));
        const auto it = containers_.find(id);
        if (it == containers_.end()) return done(Reply{});  // it was made to go when it stops
        if (auto gone = forget(*it->second); !gone) return done(std::unexpected(std::move(gone).error()));
        done(Reply{});
    };
    if (state == model::State::created || model::is_at_rest(state)) return finish({});
    // After `systemctl stop`, which has seen more than we have.
    if (!call.arguments.force && container.is_about_to_stop()) return container.wait(finish);
    if (!call.arguments.force)
        return call.done(fail(Errc::wrong_state, std::format("{} is {}; stop it first, or use force", call.id.str(),
                                                             name_of(model::kStates, state))));
    container.stop(std::chrono::microseconds(0), model::EndRequest::of_user("delete", to_text(call.context.peer)),
                   finish);
}

void Manager::list(const Call<api::NoArguments>& call) {
    when_units_run([this, done = call.done] { done(list_all()); });
}

void Manager::drop_undefined(const definition::Survey& survey) {
    std::vector<container::Supervisor*> undefined;
    for (const auto& [id, container] : containers_)
        if (!std::ranges::binary_search(survey.ids, id) && is_undefined(*container)) undefined.push_back(container.get());
    for (auto* container : undefined) drop(*container);
}

Reply Manager::list_all() {
    Reply reply;
    const auto survey = definitions_.survey();
    drop_undefined(*survey);
    reply.containers = find_new(*survey);
    reply.containers.reserve(reply.containers.size() + containers_.size());
    for (const auto& [id, container] : containers_) {
        reload_if_changed(*container, definitions_.stamp(container->id(), *survey));
        reply.containers.push_back(info_of(*container));
    }
    std::ranges::sort(reply.containers, {}, &api::ContainerInfo::name);
    return reply;
}

void Manager::state(const Call<api::ContainerRequest>& call) {
    when_units_run([this, id = call.id, done = call.done] { done(describe(id)); });
}

Result<Reply> Manager::describe(const ContainerId& id) {
    const auto container = find(id);
    Reply reply;
    if (container) {
        reply.container = info_of(**container);
        reply.oci_state = (*container)->oci_state();
        return reply;
    }
    if (container.error().code == Errc::not_found) return std::unexpected(container.error());
    reply.container = info_of_broken(id, container.error());
    oci::State state;
    state.id = id.str();
    state.status = oci::Status::stopped;
    reply.oci_state = oci::to_json(state);
    return reply;
}

void Manager::attach(const Call<api::AttachRequest>& call) {
    const auto& request = call.arguments;
    const auto container = find(call.id);
    if (!container) return call.done(std::unexpected(container.error()));
    if (request.observe && request.steal)
        return call.done(
            fail(Errc::invalid_argument, "observe and steal: a client that only watches takes no input over"));
    auto options = console::ConsoleClient::Options::of(request, request, call.context.peer);
    if (!options) return call.done(std::unexpected(std::move(options).error()));
    options->observe = request.observe;
    if (!request.exec.empty())
        return answer_console((*container)->execs().attach(request.exec, std::move(*options), request.offset,
                                                           request.mark, request.steal),
                              call.done);
    options->cursor = cursor_for((*container)->ring(), request);
    answer_console(open_console(**container, std::move(*options), request.steal), call.done);
}

void Manager::logs(const Call<api::LogsRequest>& call) {
    const auto& request = call.arguments;
    const auto container = find(call.id);
    if (!container) return call.done(std::unexpected(container.error()));
    auto options = console::ConsoleClient::Options::of(request, {}, call.context.peer);
    if (!options) return call.done(std::unexpected(std::move(options).error()));
    options->cursor = cursor_for((*container)->ring(), request);
    options->observe = true;
    options->follow = request.follow;
    if (request.until && request.follow)
        return call.done(fail(Errc::invalid_argument, "until and follow: what follows has no end"));
    if (request.timestamps && !request.framed)
        return call.done(fail(Errc::invalid_argument, "timestamps: a stream without frames has no place for them"));
    if (request.timestamps) options->cursor.tell_times();
    if (request.until) options->until = until_offset((*container)->ring(), request);
    answer_console(open_console(**container, std::move(*options), false), call.done);
}

void Manager::wait(const Call<api::ContainerRequest>& call) {
    const auto container = find(call.id);
    if (!container) return call.done(std::unexpected(container.error()));
    if ((*container)->state() == model::State::created)
        return call.done(fail(Errc::wrong_state, std::format("{0} has not run yet; xctl start {0} starts it",
                                                             call.id.str())));
    // Answered with the state at that moment: a container that goes when it stops is not there any more later.
    const auto answer = [container = *container, done = call.done](const Result<>&) {
        Reply reply;
        reply.container = container->info();
        done(std::move(reply));
    };
    (*container)->wait(answer, call.context.caller);
}

void Manager::set_autostart(const ContainerId& id, bool autostart, const Done& done) {
    const auto container = find(id);
    if (!container) return done(std::unexpected(container.error()));
    if (auto set = definitions_.set_autostart(id, autostart); !set)
        return done(std::unexpected(std::move(set).error()));
    if (auto reloaded = reload(**container); !reloaded) return done(std::unexpected(std::move(reloaded).error()));
    publish(info_of(**container), "changed");
    reply_with(id, done)({});
}

void Manager::enable(const Call<api::ContainerRequest>& call) { set_autostart(call.id, true, call.done); }
void Manager::disable(const Call<api::ContainerRequest>& call) { set_autostart(call.id, false, call.done); }

}  // namespace xctl::manager
