// SPDX-License-Identifier: LGPL-2.1-or-later
// The set of containers; manager_verbs.cpp has what can be done with one.
#include "daemon/manager.hpp"

#include <algorithm>
#include <format>

#include "lib/base/log.hpp"
#include "lib/base/text.hpp"

namespace xctl {
namespace {

/// How often is looked whether the clients of deleted containers have read everything.
/// How long a daemon keeps what a client of the last one may still come back for.
constexpr std::chrono::seconds kReturnTime{10};
constexpr std::chrono::milliseconds kPurgeInterval{100};

}  // namespace

Manager::Manager(Services& services, const Journal& journal, Definitions definitions, std::string run_base)
    : services_(services), journal_(journal), definitions_(std::move(definitions)), run_base_(std::move(run_base)) {}

Manager::~Manager() = default;

Result<> Manager::recover() {
    for (auto& entry : TRY(services_.parking.recover())) {
        const auto key = entry.key;
        parked_.emplace(key, std::move(entry));
    }
    for (const auto& id : definitions_.list()) {
        // A broken file costs its own container only. If that runs, it goes on, and is taken up when the file is mended.
        if (const auto found = find(id.str()); !found) log_error(found.error().message);
    }
    for (const auto& name : parked_names_without_definition()) recover_without_definition(name);
    return {};
}

std::vector<std::string> Manager::parked_names_without_definition() const {
    std::vector<std::string> names;
    for (const auto& [name, entry] : parked_)
        if (const auto id = ContainerId::parse(name); !id || !definitions_.exists(*id)) names.push_back(name);
    return names;
}

/// Someone removed the file of a container that runs. It stays visible until it stops, and goes then.
void Manager::recover_without_definition(const std::string& name) {
    auto id = ContainerId::parse(name);
    auto directory = id ? RunDirectory::open(run_base_, *id) : std::unexpected(id.error());
    if (!directory) {
        services_.parking.drop(name);
        parked_.erase(name);
        return;
    }
    Definition definition;
    definition.bundle = directory->load().bundle;
    definition.remove_when_stopped = true;
    if (const auto added = add(std::move(*id), std::move(definition)); !added) log_error(added.error().message);
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
    auto parked = parked_.extract(name);
    container->recover(parked.empty() ? std::nullopt : std::optional(std::move(parked.mapped())));
    remove_if_unwanted(*container);
    for (auto* observer : observers_) observer->on_added(name);
    return container;
}

Result<> Manager::forget(Supervisor& container) {
    TRY(definitions_.remove(container.id()));
    auto info = container.info();
    removals_.erase(info.name);
    RunDirectory::remove(run_base_, container.id());
    services_.parking.drop(info.name);
    auto node = containers_.extract(info.name);
    removed_.push_back(std::move(node.mapped()));
    container.finish();
    purge_removed_in(std::chrono::microseconds(0));
    info.message.clear();
    publish(info, "deleted");
    for (auto* observer : observers_) observer->on_removed(info.name);
    return {};
}

/// Whoever reads slowly still gets the last output and how the container ended.
void Manager::purge_removed_in(std::chrono::microseconds delay) {
    auto timer = services_.loop.add_timer(delay, [this](std::uint32_t) {
        removed_timer_.reset();
        std::erase_if(removed_, [](const auto& container) { return !container->is_attached(); });
        if (!removed_.empty()) purge_removed_in(kPurgeInterval);
    });
    if (timer) removed_timer_ = std::move(*timer);
}

/// The files as they are now. One that was taken away leaves what was known; a broken one is the caller's to mend.
Result<> Manager::reload(Supervisor& container) {
    auto definition = definitions_.load(container.id());
    if (definition)
        container.set_definition(std::move(*definition));
    else if (definition.error().code != Errc::not_found)
        return std::unexpected(std::move(definition).error());
    return {};
}

void Manager::on_change(Supervisor& container, std::string_view event) {
    publish(container.info(), event);
    remove_if_unwanted(container);
}

/// `run --rm`. Deferred, since the container may be in the middle of the change that we hear of; and a client that
/// lost the last daemon gets the time to come back for the end.
void Manager::remove_if_unwanted(Supervisor& container) {
    if (container.state() != State::stopped || !container.definition().remove_when_stopped) return;
    const bool young = std::chrono::steady_clock::now() - started_ < kReturnTime;
    const auto delay = young && container.outlived_daemon() ? kReturnTime : std::chrono::seconds(0);
    auto deferred = services_.loop.add_timer(delay, [this, name = container.id().str()](std::uint32_t) {
        removals_.erase(name);
        const auto it = containers_.find(name);
        if (it == containers_.end() || it->second->state() != State::stopped) return;
        if (!it->second->definition().remove_when_stopped) return;
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

/// One that starts is not meant: it is about what an earlier run left under the same name.
void Manager::stop_unit(const std::string& unit) {
    for (const auto& [name, container] : containers_)
        if (container->unit() == unit && container->state() == State::running)
            return container->stop(std::nullopt, [](const Result<>&) {});
}

Result<> Manager::start_in_unit(const std::string& name, std::string unit, UniqueFd connection) {
    auto* container = TRY(find(name));
    TRY(reload(*container));
    return container->start_in_unit(std::move(connection), std::move(unit));
}

}  // namespace xctl
