// SPDX-License-Identifier: LGPL-2.1-or-later
// The set of containers; manager_verbs.cpp has what can be done with one.
#include "daemon/manager.hpp"

#include <algorithm>
#include <format>

#include "lib/base/log.hpp"
#include "lib/base/text.hpp"

namespace xctl {

Manager::Manager(Services& services, const Journal& journal, Definitions definitions, std::string run_base)
    : services_(services), journal_(journal), definitions_(std::move(definitions)), run_base_(std::move(run_base)) {}

Manager::~Manager() = default;

Result<> Manager::recover() {
    std::map<std::string, Parking::Entry> parked;
    for (auto& entry : TRY(services_.parking.recover())) {
        const auto key = entry.key;
        parked.emplace(key, std::move(entry));
    }
    for (auto& id : definitions_.list()) {
        const auto name = id.str();
        auto definition = definitions_.load(id);
        auto added = definition ? add(std::move(id), std::move(*definition)) : std::unexpected(definition.error());
        if (!added) {
            // A broken file costs its own container only; a run of it goes on and is found again when mended.
            log_error(added.error().message);
            parked.erase(name);
            continue;
        }
        auto node = parked.extract(name);
        (*added)->recover(node.empty() ? std::nullopt : std::optional(std::move(node.mapped())));
    }
    for (const auto& [name, entry] : parked) services_.parking.drop(name);
    return {};
}

void Manager::autostart() {
    for (const auto& [name, container] : containers_) {
        if (!container->definition().autostart || container->state() != State::created) continue;
        container->start({}, [name](const Result<>& started) {
            if (!started) log_error(std::format("{}: {}", name, started.error().message));
        });
    }
}

std::vector<std::string> Manager::names() const {
    std::vector<std::string> names;
    for (const auto& [name, container] : containers_) names.push_back(name);
    return names;
}

std::optional<api::ContainerInfo> Manager::info(const std::string& name) const {
    const auto it = containers_.find(name);
    if (it == containers_.end()) return std::nullopt;
    return it->second->info();
}

/// A definition may have been written by hand since we started, so the files are asked too.
Result<Supervisor*> Manager::find(const std::string& name) {
    auto id = TRY(ContainerId::parse(name));
    if (const auto it = containers_.find(name); it != containers_.end()) return it->second.get();
    auto definition = TRY(definitions_.load(id));
    return add(std::move(id), std::move(definition));
}

Result<Supervisor*> Manager::add(ContainerId id, Definition definition) {
    const auto name = id.str();
    auto opened = TRY(Supervisor::open(services_, journal_, run_base_, std::move(id), std::move(definition),
                                       [this](Supervisor& container, std::string_view event) { on_change(container, event); }));
    auto* container = opened.get();
    containers_[name] = std::move(opened);
    for (auto* observer : observers_) observer->on_added(name);
    return container;
}

Result<> Manager::forget(Supervisor& container) {
    TRY(definitions_.remove(container.id()));
    auto info = container.info();
    container.finish();
    RunDirectory::remove(run_base_, container.id());
    services_.parking.drop(info.name);
    auto node = containers_.extract(info.name);
    removed_.push_back(std::move(node.mapped()));
    removed_defer_ = TRY(services_.loop.add_defer([this](std::uint32_t) {
        removed_.clear();
        removed_defer_.reset();
    }));
    info.message.clear();
    publish(info, "deleted");
    for (auto* observer : observers_) observer->on_removed(info.name);
    return {};
}

void Manager::reload(Supervisor& container) {
    auto definition = definitions_.load(container.id());
    if (definition) container.set_definition(std::move(*definition));
}

void Manager::on_change(Supervisor& container, std::string_view event) {
    publish(container.info(), event);
    if (container.state() != State::stopped || !container.definition().remove_when_stopped) return;
    // Deferred: the container is in the middle of the change that we hear of.
    auto deferred = services_.loop.add_timer(std::chrono::microseconds(0), [this, name = container.id().str()](std::uint32_t) {
        removals_.erase(name);
        const auto it = containers_.find(name);
        if (it == containers_.end() || it->second->state() != State::stopped) return;
        if (const auto gone = forget(*it->second); !gone) log_error(gone.error().message);
    });
    if (deferred) removals_[container.id().str()] = std::move(*deferred);
}

void Manager::publish(const api::ContainerInfo& info, std::string_view event) {
    api::Event out;
    out.sequence = ++sequence_;
    out.time = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    out.event = event;
    out.name = info.name;
    if (event == "stopped" || event == "waiting") {
        out.exit_reason = info.exit_reason;
        out.exit_status = info.exit_status;
        out.message = info.message;
    }
    // A copy, since an observer that cannot keep up may take itself off the list.
    for (auto* observer : std::list(observers_)) observer->on_event(out);
}

void Manager::stop_unit(const std::string& unit) {
    for (const auto& [name, container] : containers_)
        if (container->unit() == unit && container->state() != State::stopped)
            return container->stop(std::nullopt, [](const Result<>&) {});
}

Result<> Manager::start_in_unit(const std::string& name, std::string unit, UniqueFd connection) {
    auto* container = TRY(find(name));
    reload(*container);
    return container->start_in_unit(std::move(connection), std::move(unit));
}

}  // namespace xctl
