// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs that work on a running container, and those that only tell.
#include <format>

#include "daemon/manager/manager.hpp"

namespace xctl::manager {

using api::Reply;

namespace {

/// Answers with what `read` puts into the reply of a container that was found.
void answer(const Result<container::Supervisor*>& container, const Manager::Done& done, auto&& read) {
    if (!container) return done(std::unexpected(container.error()));
    Reply reply;
    if (Result<> did = read(**container, reply); !did) return done(std::unexpected(std::move(did).error()));
    done(std::move(reply));
}

void exec_in(container::Supervisor& container, const api::ExecRequest& request, const api::Peer& peer,
             const Manager::Done& done) {
    // Filled below, before anything can start: nothing of a launch happens within the call that begins it.
    auto opened = std::make_shared<container::Execs::Opened>();
    const auto started = [done, opened](Result<> result) {
        if (!result) return done(std::unexpected(std::move(result).error()));
        Reply reply;
        reply.exec = opened->id;
        reply.fd = std::move(opened->console);
        done(std::move(reply));
    };
    auto begun = container.exec(request, peer, started);
    if (!begun) return done(std::unexpected(std::move(begun).error()));
    *opened = std::move(*begun);
}

}  // namespace

/// A unit is active for systemd a moment before its program runs, and whoever has started it may be quick.
void Manager::when_launched(const ContainerId& id, const Done& done,
                            std::function<void(container::Supervisor&)> then) {
    const auto container = find(id);
    if (!container) return done(std::unexpected(container.error()));
    (*container)->when_launched([this, id, done, then = std::move(then)](const Result<>& launched) {
        const auto found = launched ? find(id) : std::unexpected(launched.error());
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
    for (const auto& [id, container] : containers_) wait->left += container->is_about_to_run() ? 1 : 0;
    if (wait->left == 0) return wait->end();
    services_.loop.arm(wait->timer, kMoment, [weak = std::weak_ptr(wait)](std::uint32_t) {
        if (const auto late = weak.lock()) late->end();
    });
    for (const auto& [id, container] : containers_)
        if (container->is_about_to_run())
            container->when_launched([wait](const Result<>&) {
                if (--wait->left == 0) wait->end();
            });
}

void Manager::pause(const Call<api::ContainerRequest>& call) {
    when_launched(call.id, call.done, [this, id = call.id, done = call.done](container::Supervisor& container) {
        container.pause(reply_with(id, done));
    });
}

void Manager::resume(const Call<api::ContainerRequest>& call) {
    answer(find(call.id), call.done, [](container::Supervisor& container, Reply& reply) -> Result<> {
        TRY(container.resume());
        reply.container = container.info();
        return {};
    });
}

void Manager::reset(const Call<api::ContainerRequest>& call) {
    answer(find(call.id), call.done, [](container::Supervisor& container, Reply& reply) -> Result<> {
        TRY(container.reset());
        reply.container = container.info();
        return {};
    });
}

void Manager::ps(const Call<api::ContainerRequest>& call) {
    answer(find(call.id), call.done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        auto found = TRY(container.list_processes());
        reply.processes = std::move(found.rows);
        reply.left_out = found.left_out;
        return {};
    });
}

void Manager::stats(const Call<api::StatsRequest>& call) {
    answer(find(call.id), call.done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.stats = TRY(container.read_stats());
        auto found = container.read_network();
        reply.interfaces = std::move(found.rows);
        reply.left_out = found.left_out;
        return {};
    });
}

void Manager::clients(const Call<api::ContainerRequest>& call) {
    answer(find(call.id), call.done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.clients = container.clients().list();
        return {};
    });
}

void Manager::execs(const Call<api::ContainerRequest>& call) {
    answer(find(call.id), call.done, [](container::Supervisor& container, Reply& reply) -> Result<> {
        reply.execs = container.execs().list();
        return {};
    });
}

void Manager::why(const Call<api::ContainerRequest>& call) {
    answer(find(call.id), call.done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.run = container.last_failure();
        return {};
    });
}

void Manager::history(const Call<api::ContainerRequest>& call) {
    answer(find(call.id), call.done, [](const container::Supervisor& container, Reply& reply) -> Result<> {
        reply.runs = container.history();
        return {};
    });
}

void Manager::exec(const Call<api::ExecRequest>& call) {
    when_launched(call.id, call.done,
                  [request = call.arguments, peer = call.context.peer, done = call.done](
                      container::Supervisor& container) { exec_in(container, request, peer, done); });
}

}  // namespace xctl::manager
