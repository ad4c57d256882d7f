// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs that work on a running container, and those that only tell.
#include <format>

#include "daemon/manager/manager.hpp"

namespace xctl::manager {

using api::Reply;
using api::Request;

namespace {

/// Answers with what `read` puts into the reply of a container that was found.
void answer(const Result<container::Supervisor*>& container, const Manager::Done& done, auto&& read) {
    if (!container) return done(std::unexpected(container.error()));
    Reply reply;
    if (Result<> did = read(**container, reply); !did) return done(std::unexpected(std::move(did).error()));
    done(std::move(reply));
}

}  // namespace

/// A unit is active for systemd a moment before its program runs, and whoever has started it may be quick.
void Manager::when_launched(const Request& request, const Done& done,
                            std::function<void(container::Supervisor&)> then) {
    const auto container = find(request.name);
    if (!container) return done(std::unexpected(container.error()));
    (*container)->when_launched([this, name = request.name, done, then = std::move(then)](const Result<>& launched) {
        const auto found = launched ? find(name) : std::unexpected(launched.error());
        found ? then(**found) : done(std::unexpected(found.error()));
    });
}

/// Somebody who has waited for a unit may look at once. A program that takes longer than a moment to begin is seen as it is.
void Manager::when_units_run(std::function<void()> then) {
    constexpr std::chrono::milliseconds kMoment{200};
    struct Wait {
        std::function<void()> then;
        std::size_t left = 0;
        kernel::EventSource timer;
        void end() {
            if (const auto next = std::exchange(then, {})) next();
        }
    };
    const auto wait = std::make_shared<Wait>(std::move(then));
    for (const auto& [name, container] : containers_) wait->left += container->is_about_to_run() ? 1 : 0;
    if (wait->left == 0) return wait->end();
    services_.loop.arm(wait->timer, kMoment, [weak = std::weak_ptr(wait)](std::uint32_t) {
        if (const auto late = weak.lock()) late->end();
    });
    for (const auto& [name, container] : containers_)
        if (container->is_about_to_run())
            container->when_launched([wait](const Result<>&) {
                if (--wait->left == 0) wait->end();
            });
}

void Manager::pause(Request& request, const Done& done) {
    when_launched(request, done, [this, name = request.name, done](container::Supervisor& container) {
        container.pause(reply_with(name, done));
    });
}

void Manager::resume(Request& request, const Done& done) {
    answer(find(request.name), done, [](container::Supervisor& container, Reply& reply) -> Result<> {
        TRY(container.resume());
        reply.container = container.info();
        return {};
    });
}

void Manager::reset(Request& request, const Done& done) {
    answer(find(request.name), done, [](container::Supervisor& container, Reply& reply) -> Result<> {
        TRY(container.reset());
        reply.container = container.info();
        return {};
    });
}

void Manager::ps(Request& request, const Done& done) {
    answer(find(request.name), done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        auto found = TRY(container.list_processes());
        reply.processes = std::move(found.rows);
        reply.left_out = found.left_out;
        return {};
    });
}

void Manager::stats(Request& request, const Done& done) {
    answer(find(request.name), done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.stats = TRY(container.read_stats());
        auto found = container.read_network();
        reply.interfaces = std::move(found.rows);
        reply.left_out = found.left_out;
        return {};
    });
}

void Manager::clients(Request& request, const Done& done) {
    answer(find(request.name), done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.clients = container.clients().list();
        return {};
    });
}

void Manager::execs(Request& request, const Done& done) {
    answer(find(request.name), done, [](container::Supervisor& container, Reply& reply) -> Result<> {
        reply.execs = container.execs().list();
        return {};
    });
}

void Manager::why(Request& request, const Done& done) {
    answer(find(request.name), done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.run = container.last_failure();
        return {};
    });
}

void Manager::history(Request& request, const Done& done) {
    answer(find(request.name), done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.runs = container.history();
        return {};
    });
}

void Manager::exec(Request& request, const Done& done) {
    when_launched(request, done,
                  [this, request, done](container::Supervisor& container) { exec_in(container, request, done); });
}

void Manager::exec_in(container::Supervisor& container, const Request& request, const Done& done) {
    // Filled below, before anything can start: nothing of a launch happens within the call that begins it.
    auto opened = std::make_shared<container::Execs::Opened>();
    auto begun = container.exec(request, [done, opened](Result<> started) {
        if (!started) return done(std::unexpected(std::move(started).error()));
        Reply reply;
        reply.exec = opened->id;
        reply.fd = std::move(opened->console);
        done(std::move(reply));
    });
    if (!begun) return done(std::unexpected(std::move(begun).error()));
    *opened = std::move(*begun);
}

void Manager::attach_to_exec(container::Supervisor& container, const Request& request, const Done& done) {
    auto options = console::ConsoleClient::Options::of(request);
    if (!options) return done(std::unexpected(std::move(options).error()));
    auto console =
        container.execs().attach(request.exec, std::move(*options), request.offset, request.mark, request.steal);
    if (!console) return done(std::unexpected(std::move(console).error()));
    Reply reply;
    reply.fd = std::move(*console);
    done(std::move(reply));
}

}  // namespace xctl::manager
