// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/starter.hpp"

#include <algorithm>
#include <format>
#include <utility>

#include "daemon/definition/dependencies.hpp"
#include "daemon/definition/unit_names.hpp"
#include "daemon/systemd/scopes.hpp"
#include "lib/base/log.hpp"

namespace xctl::manager {
namespace {

/// Starts these units one by one, as far as there are such.
void start_units(systemd::Scopes& scopes, std::vector<std::string> units, container::Supervisor::Done done) {
    if (units.empty()) return done({});
    const auto first = units.front();
    units.erase(units.begin());
    scopes.start_unit(first, [&scopes, units, done = std::move(done)](Result<> started) {
        if (!started && started.error().code != Errc::not_found) return done(std::move(started));
        start_units(scopes, units, done);
    });
}

/// The reader of a definition has checked the names.
std::vector<ContainerId> ids_of(const std::vector<std::string>& names) {
    std::vector<ContainerId> out;
    for (const auto& name : names)
        if (auto id = ContainerId::parse(name)) out.push_back(std::move(*id));
    return out;
}

}  // namespace

Ordering ordering_of(const definition::Definition& definition) {
    return {ids_of(definition.required), ids_of(definition.after)};
}

/// The one place that says from when on those may start that come after it.
bool Starter::is_up(const ContainerId& id) const {
    const auto container = find_(id);
    return container && ((*container)->is_ready() || (*container)->state() == model::State::paused);
}

std::optional<Ordering> Starter::ordering_of(const ContainerId& id) const {
    const auto container = find_(id);
    if (!container) return std::nullopt;
    return manager::ordering_of((*container)->definition());
}

void Starter::start(const ContainerId& id, std::vector<std::string> args, Done done) {
    const auto container = find_(id);
    if (!container) return done(std::unexpected(container.error()));
    const auto required = manager::ordering_of((*container)->definition()).required;
    // Also if it waits for the host at boot: somebody wants it now.
    if (std::ranges::all_of(required, [this](const auto& other) { return is_up(other); }))
        return (*container)->start(std::move(args), std::move(done));
    const auto order = start_order({id}, [this](const auto& each) { return ordering_of(each); });
    if (!order) return done(std::unexpected(order.error()));
    if (const auto it = pending_.find(id); it != pending_.end() && it->second.done)
        return done(fail(Errc::wrong_state, id.str() + " is about to start already"));
    add(*order, false);
    auto& pending = pending_.at(id);
    pending.args = std::move(args);
    pending.done = std::move(done);
    advance();
}

void Starter::start_at_boot(const std::vector<ContainerId>& ids, std::function<void()> done) {
    boot_done_ = std::move(done);
    const auto lookup = [this](const ContainerId& id) { return ordering_of(id); };
    auto order = start_order(ids, lookup);
    std::vector<ContainerId> good;
    if (!order) {
        // A container that cannot be ordered stays behind; the others need not.
        for (const auto& id : ids) {
            good.push_back(id);
            if (const auto tried = start_order(good, lookup); !tried) {
                log_error(std::format("{}: {}", id.str(), tried.error().message));
                good.pop_back();
            }
        }
        order = start_order(good, lookup);
    }
    if (order) add(*order, true);
    advance();
    end_boot_if_done();
}

void Starter::add(const std::vector<ContainerId>& order, bool boot) {
    for (const auto& id : order) {
        const auto [it, is_new] = pending_.try_emplace(id);
        if (!is_new) continue;
        it->second.boot = boot;
        const auto ordering = ordering_of(id).value_or(Ordering{});
        it->second.required = {ordering.required.begin(), ordering.required.end()};
        for (const auto* earlier : {&ordering.required, &ordering.after})
            for (const auto& other : *earlier)
                if (pending_.contains(other)) it->second.waits_for.insert(other);
    }
}

/// Each that begins may end at once, and change what waits.
void Starter::advance() {
    const auto is_next = [](const auto& entry) { return !entry.second.begun && entry.second.waits_for.empty(); };
    for (auto it = std::ranges::find_if(pending_, is_next); it != pending_.end();
         it = std::ranges::find_if(pending_, is_next)) {
        it->second.begun = true;
        begin(ContainerId(it->first));
    }
}

void Starter::begin(const ContainerId& id) {
    if (is_up(id) && !pending_.at(id).done) return settle(id, {});
    pending_.at(id).boot ? wait_for_host(id) : launch(id);
}

/// The bundle may be on a mount itself, so it is read when that is there.
void Starter::wait_for_host(const ContainerId& id) {
    const auto found = find_(id);
    if (!found) return settle(id, std::unexpected(found.error()));
    const auto& definition = (*found)->definition();
    const auto fail_or = [this, id](auto next) {
        return [this, id, next](Result<> there) { there ? next() : settle(id, there); };
    };
    const auto when_bundle = [this, id, fail_or] {
        const auto container = find_(id);
        const auto compiled = container ? definition::compile_container((*container)->id(), (*container)->definition())
                                        : std::unexpected(container.error());
        wait_for_mounts(compiled ? definition::bind_sources(compiled->plan) : std::vector<std::string>(),
                        fail_or([this, id] { launch(id); }));
    };
    const auto when_linked = [this, bundle = definition.bundle, fail_or, when_bundle] {
        wait_for_mounts({bundle}, fail_or(when_bundle));
    };
    links_.wait(definition.interfaces, fail_or(when_linked));
}

void Starter::wait_for_mounts(const std::vector<std::string>& paths, Done done) {
    std::vector<std::string> units;
    for (const auto& path : paths)
        for (auto& unit : definition::mount_units_for(path))
            if (!std::ranges::contains(units, unit)) units.push_back(std::move(unit));
    start_units(services_.scopes, std::move(units), std::move(done));
}

void Starter::launch(const ContainerId& id) {
    const auto container = find_(id);
    if (!container) return settle(id, std::unexpected(container.error()));
    const auto done = [this, id](const Result<>& started) { settle(id, started); };
    const auto& pending = pending_.at(id);
    if (pending.done) return (*container)->start(pending.args, done);
    const auto when_ready = [this, id, done](const Result<>& started) {
        const auto found = find_(id);
        started && found ? (*found)->when_ready(done) : done(started);
    };
    // A container that nobody asked for by name may be on its way already.
    (*container)->is_active() ? when_ready({}) : (*container)->start(pending.args, when_ready);
}

void Starter::settle(const ContainerId& id, const Result<>& result) {
    auto node = pending_.extract(id);
    if (node.empty()) return;
    if (!result && node.mapped().boot) log_error(std::format("{}: {}", id.str(), result.error().message));
    std::vector<ContainerId> lost;
    for (auto& [other, pending] : pending_)
        if (pending.waits_for.erase(id) > 0 && !result && pending.required.contains(id)) lost.push_back(other);
    if (node.mapped().done) node.mapped().done(result);
    for (const auto& other : lost)
        settle(other, fail(Errc::wrong_state, std::format("{} requires {}, which could not be started: {}",
                                                          other.str(), id.str(), result.error().message)));
    advance();
    end_boot_if_done();
}

void Starter::end_boot_if_done() {
    if (!boot_done_ || std::ranges::any_of(pending_, [](const auto& entry) { return entry.second.boot; })) return;
    std::exchange(boot_done_, {})();
}

}  // namespace xctl::manager
