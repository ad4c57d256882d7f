// SPDX-License-Identifier: LGPL-2.1-or-later
// A new daemon takes up everything that the last one left. docs/ARCHITECTURE.md, "After a crash", has the table of
// which source counts where two disagree.
#include <format>

#include "daemon/manager/manager.hpp"
#include "daemon/manager/orphans.hpp"
#include "daemon/ring/saved_console.hpp"
#include "daemon/run/run_directory.hpp"
#include "lib/base/log.hpp"
#include "lib/base/text.hpp"

namespace xctl::manager {

Result<> Manager::recover() {
    for (auto& entry : TRY(services_.parking.recover())) {
        const auto key = entry.key;
        parked_.emplace(key, std::move(entry));
    }
    // A broken file costs its own container only.
    for (const auto& id : definitions_.list())
        if (const auto found = find(id); !found) log_error(found.error().message);
    std::vector<std::string> left;
    for (const auto& [name, entry] : parked_)
        if (container::container_of_exec(name).empty()) left.push_back(name);
    for (const auto& name : left) recover_by_its_run(name);
    drop_orphaned_execs();
    stop_orphaned_units();
    remove_orphaned_directories();
    return {};
}

std::vector<run::Parking::Entry> Manager::take_parked_execs(const ContainerId& id) {
    std::vector<run::Parking::Entry> out;
    for (auto it = parked_.begin(); it != parked_.end();) {
        const auto next = std::next(it);
        if (container::container_of_exec(it->first) == id.str()) out.push_back(std::move(parked_.extract(it).mapped()));
        it = next;
    }
    return out;
}

/// An exec ends with its container. One of a container whose definition is broken goes on for as long as that does.
void Manager::drop_orphaned_execs() {
    std::erase_if(parked_, [this](const auto& entry) {
        const auto container = container::container_of_exec(entry.first);
        const bool orphaned = !container.empty() && !parked_.contains(container);
        if (orphaned) services_.parking.drop(entry.first);
        return orphaned;
    });
}

/// The definition of a container that runs was removed or broken. The run goes on by what it was started with. Without a
/// definition the container stays visible until it stops, and is deleted then.
void Manager::recover_by_its_run(const std::string& key) {
    const auto id = ContainerId::parse(key);
    const auto recorded = id ? recorded_run_of(*id) : std::nullopt;
    if (!recorded || *recorded != run::Run::identity_of(parked_.at(key))) {
        services_.parking.drop(key);
        parked_.erase(key);
        return;
    }
    const auto recovered = [&]() -> Result<> {
        const auto directory = TRY(run::RunDirectory::open(run_base_, *id));
        auto definition =
            definition::parse_definition({{key, directory.load_running()}}).value_or(definition::Definition{});
        definition.bundle = directory.load().bundle;
        definition.remove_when_stopped = definition.remove_when_stopped || !definitions_.exists(*id);
        TRY(add(*id, std::move(definition)));
        return {};
    }();
    if (!recovered) log_error(recovered.error().message);
}

/// Nothing if no record says that it runs.
std::optional<run::Run::Identity> Manager::recorded_run_of(const ContainerId& id) const {
    const auto directory = run::RunDirectory::open_existing(run_base_, id);
    if (!directory) return std::nullopt;
    const auto record = directory->load();
    if (!model::has_run(record.machine.state)) return std::nullopt;
    return run::Run::Identity{record.life, record.machine.runs};
}

/// Processes of a container that no record has must not go on unseen, nor beside the next run of that name.
void Manager::stop_orphaned_units() {
    for (const auto& [unit, name, placement] : list_populated_units()) {
        const auto it = containers_.find(name);
        if (it != containers_.end() && model::has_run(it->second->state()) && it->second->unit() == unit) continue;
        log_warning(std::format("{} has processes of a run that no record has; systemd stops the unit", unit));
        const auto stopped = [unit](const Result<>& done) {
            if (!done) log_error(std::format("cannot stop {}: {}", unit, done.error().message));
        };
        if (placement == model::Placement::scope)
            services_.scopes.discard(unit, stopped);
        else
            services_.scopes.stop(unit, stopped);
    }
}

/// Left by a delete that was cut short, or by somebody who removed a definition while there was no daemon.
void Manager::remove_orphaned_directories() {
    for (const auto& id : run::RunDirectory::list(run_base_)) {
        if (containers_.contains(id) || definitions_.exists(id)) continue;
        if (const auto removed = run::RunDirectory::remove(run_base_, id); !removed) log_error(removed.error().message);
    }
}

/// Nothing that an earlier container of this name left belongs to the next one.
Result<> Manager::begin_life(const ContainerId& id) {
    TRY(run::RunDirectory::remove(run_base_, id));
    TRY(marks_.forget(id));
    return ring::SavedConsole(id).remove();
}

}  // namespace xctl::manager
