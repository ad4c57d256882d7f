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

}  // namespace

/// The one place that says from when on those may start that come after it.
bool Starter::is_up(const std::string& name) const {
    const auto container = find_(name);
    return container && ((*container)->is_ready() || (*container)->state() == model::State::paused);
}

std::optional<Ordering> Starter::ordering_of(const std::string& name) const {
    const auto container = find_(name);
    if (!container) return std::nullopt;
    return Ordering{(*container)->definition().required, (*container)->definition().after};
}

void Starter::start(const std::string& name, std::vector<std::string> args, Done done) {
    const auto container = find_(name);
    if (!container) return done(std::unexpected(container.error()));
    const auto required = (*container)->definition().required;
    // Also if it waits for the host at boot: somebody wants it now.
    if (std::ranges::all_of(required, [this](const auto& other) { return is_up(other); }))
        return (*container)->start(std::move(args), std::move(done));
    const auto order = start_order({name}, [this](const auto& each) { return ordering_of(each); });
    if (!order) return done(std::unexpected(order.error()));
    if (const auto it = pending_.find(name); it != pending_.end() && it->second.done)
        return done(fail(Errc::wrong_state, name + " is about to start already"));
    add(*order, false);
    auto& pending = pending_.at(name);
    pending.args = std::move(args);
    pending.done = std::move(done);
    advance();
}

void Starter::start_at_boot(const std::vector<std::string>& names, std::function<void()> done) {
    boot_done_ = std::move(done);
    const auto lookup = [this](const std::string& name) { return ordering_of(name); };
    auto order = start_order(names, lookup);
    std::vector<std::string> good;
    if (!order) {
        // What cannot be ordered stays behind; the others need not.
        for (const auto& name : names) {
            good.push_back(name);
            if (const auto tried = start_order(good, lookup); !tried) {
                log_error(std::format("{}: {}", name, tried.error().message));
                good.pop_back();
            }
        }
        order = start_order(good, lookup);
    }
    if (order) add(*order, true);
    advance();
    end_boot_if_done();
}

void Starter::add(const std::vector<std::string>& order, bool boot) {
    for (const auto& name : order) {
        const auto [it, is_new] = pending_.try_emplace(name);
        if (!is_new) continue;
        it->second.boot = boot;
        const auto ordering = ordering_of(name).value_or(Ordering{});
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
        begin(std::string(it->first));
    }
}

void Starter::begin(const std::string& name) {
    if (is_up(name) && !pending_.at(name).done) return settle(name, {});
    pending_.at(name).boot ? wait_for_host(name) : launch(name);
}

/// The bundle may be on a mount itself, so it is read when that is there.
void Starter::wait_for_host(const std::string& name) {
    const auto found = find_(name);
    if (!found) return settle(name, std::unexpected(found.error()));
    const auto& definition = (*found)->definition();
    const auto fail_or = [this, name](auto next) {
        return [this, name, next](Result<> there) { there ? next() : settle(name, there); };
    };
    const auto when_bundle = [this, name, fail_or] {
        const auto container = find_(name);
        const auto compiled = container ? definition::compile_container((*container)->id(), (*container)->definition())
                                        : std::unexpected(container.error());
        wait_for_mounts(compiled ? definition::bind_sources(compiled->plan) : std::vector<std::string>(),
                        fail_or([this, name] { launch(name); }));
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

void Starter::launch(const std::string& name) {
    const auto container = find_(name);
    if (!container) return settle(name, std::unexpected(container.error()));
    const auto done = [this, name](const Result<>& started) { settle(name, started); };
    const auto& pending = pending_.at(name);
    if (pending.done) return (*container)->start(pending.args, done);
    const auto when_ready = [this, name, done](const Result<>& started) {
        const auto found = find_(name);
        started && found ? (*found)->when_ready(done) : done(started);
    };
    // One that nobody asked for by name may be on its way already.
    (*container)->is_active() ? when_ready({}) : (*container)->start(pending.args, when_ready);
}

void Starter::settle(const std::string& name, const Result<>& result) {
    auto node = pending_.extract(name);
    if (node.empty()) return;
    if (!result && node.mapped().boot) log_error(std::format("{}: {}", name, result.error().message));
    std::vector<std::string> lost;
    for (auto& [other, pending] : pending_)
        if (pending.waits_for.erase(name) > 0 && !result && pending.required.contains(name)) lost.push_back(other);
    if (node.mapped().done) node.mapped().done(result);
    for (const auto& other : lost)
        settle(other, fail(Errc::wrong_state, std::format("{} requires {}, which could not be started: {}", other, name,
                                                          result.error().message)));
    advance();
    end_boot_if_done();
}

void Starter::end_boot_if_done() {
    if (!boot_done_ || std::ranges::any_of(pending_, [](const auto& entry) { return entry.second.boot; })) return;
    std::exchange(boot_done_, {})();
}

}  // namespace xctl::manager
