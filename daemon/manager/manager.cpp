// SPDX-License-Identifier: LGPL-2.1-or-later
// The set of containers; manager_verbs.cpp has what can be done with one.
#include "daemon/manager/manager.hpp"

#include <algorithm>
#include <format>

#include "lib/base/log.hpp"
#include "lib/base/text.hpp"
#include "lib/base/time_text.hpp"

namespace xctl::manager {
namespace {

/// How long a daemon keeps what a client of the last one may still come back for.
constexpr std::chrono::seconds kReturnTime{10};

/// How often is looked whether the clients of deleted containers have read everything.
constexpr std::chrono::milliseconds kPurgeInterval{100};

/// systemd's word for a unit whose file cannot be used.
constexpr std::string_view kBadSetting = "bad-setting";

}  // namespace

Manager::Manager(run::Services& services, const console::Journal& journal, definition::Definitions definitions,
                 std::string run_base, BootMarks marks)
    : services_(services),
      journal_(journal),
      definitions_(std::move(definitions)),
      run_base_(std::move(run_base)),
      marks_(std::move(marks)),
      starter_(services, [this](const ContainerId& id) { return find(id); }) {
    services_.is_awaited = [this](const ContainerId& id) { return is_awaited(id); };
}

Manager::~Manager() { services_.is_awaited = nullptr; }

void Manager::autostart(std::function<void()> done) {
    std::vector<ContainerId> wanted;
    for (const auto& [id, container] : containers_)
        if (starts_at_boot(*container) && container->state() == model::State::created) wanted.push_back(id);
    starter_.start_at_boot(wanted, std::move(done));
}

bool Manager::starts_at_boot(const container::Supervisor& container) const {
    const auto& definition = container.definition();
    if (definition.restart.when != model::RestartWhen::unless_stopped) return definition.autostart;
    return marks_.get(container.id()).value_or(definition.autostart);
}

/// A person asked for it; for what happens at the next boot.
void Manager::mark_wanted(const container::Supervisor& container, bool wanted) const {
    if (container.definition().restart.when != model::RestartWhen::unless_stopped) return;
    if (const auto marked = marks_.set(container.id(), wanted); !marked)
        log_error(std::format("{}: {}", container.id().str(), marked.error().message));
}

void Manager::save_consoles() {
    for (const auto& [id, container] : containers_) container->save_console();
}

void Manager::forget_departed() {
    for (const auto& [id, container] : containers_) container->forget_departed();
}

std::vector<std::string> Manager::names() const {
    std::vector<std::string> names;
    for (const auto& [id, container] : containers_) names.push_back(id.str());
    return names;
}

std::optional<api::ContainerInfo> Manager::info(const std::string& name) const {
    const auto it = containers_.find(name);
    if (it == containers_.end()) return std::nullopt;
    return info_of(*it->second);
}

/// One that cannot be started for its definition, and does nothing, is seen as that.
api::ContainerInfo Manager::info_of(const container::Supervisor& container) const {
    auto info = container.info();
    const auto loaded = loaded_.find(container.id());
    if (loaded == loaded_.end() || !loaded->second.error) return info;
    info.load_error = loaded->second.error->message;
    if (!container.is_active()) info.state = kBadSetting;
    return info;
}

api::ContainerInfo Manager::info_of_broken(const ContainerId& id, const Error& error) const {
    api::ContainerInfo info;
    info.name = id.str();
    info.status = model::oci_status(model::State::stopped);
    info.state = kBadSetting;
    info.restart = name_of(model::kRestartPolicies, model::RestartWhen::no);
    info.load_error = error.message;
    return info;
}

/// Takes up definitions that were written by hand since we last looked.
std::vector<api::ContainerInfo> Manager::find_new(const definition::Survey& survey) {
    // Both are sorted, and of a thousand each, as a rule the same.
    std::vector<ContainerId> unknown;
    auto known = containers_.begin();
    for (const auto& id : survey.ids) {
        while (known != containers_.end() && known->first < id) ++known;
        if (known == containers_.end() || known->first != id) unknown.push_back(id);
    }
    std::vector<api::ContainerInfo> broken;
    for (const auto& id : unknown)
        if (const auto found = find(id); !found) broken.push_back(info_of_broken(id, found.error()));
    return broken;
}

/// A definition may have been written or changed by hand since we started, so the files are asked too.
Result<container::Supervisor*> Manager::find(const ContainerId& id) {
    if (const auto it = containers_.find(id); it != containers_.end() && is_undefined(*it->second))
        drop(*it->second);
    if (const auto it = containers_.find(id); it != containers_.end()) {
        reload_if_changed(*it->second, definitions_.stamp(id));
        return it->second.get();
    }
    auto stamp = definitions_.stamp(id);
    auto definition = TRY(definitions_.load(id));
    loaded_[id] = {std::move(stamp), std::nullopt};
    return add(id, std::move(definition));
}

Result<container::Supervisor*> Manager::add(ContainerId id, definition::Definition definition) {
    auto opened = TRY(container::Supervisor::open(
        services_, journal_, run_base_, id, std::move(definition),
        [this](container::Supervisor& container, std::string_view event) { on_change(container, event); }));
    auto* container = opened.get();
    containers_[id] = std::move(opened);
    auto parked = parked_.extract(id.str());
    container->recover(parked.empty() ? std::nullopt : std::optional(std::move(parked.mapped())),
                       take_parked_execs(id));
    if (!container->is_active()) definitions_.remove_runtime(container->id());
    remove_if_unwanted(*container);
    for (auto* observer : observers_) observer->on_added(id.str());
    return container;
}

Result<> Manager::forget(container::Supervisor& container) {
    TRY(definitions_.remove(container.id()));
    drop(container);
    return {};
}

/// Forgets a container whose definition is gone.
void Manager::drop(container::Supervisor& container) {
    const auto id = container.id();
    auto info = container.info();
    removals_.erase(id);
    loaded_.erase(id);
    // The definition was the container, so it is deleted, whatever of this fails.
    if (const auto removed = begin_life(id); !removed)
        log_error(std::format("{}: {}", info.name, removed.error().message));
    services_.parking.drop(info.name);
    auto node = containers_.extract(id);
    removed_.push_back(std::move(node.mapped()));
    container.finish();
    purge_removed_in(std::chrono::microseconds(0));
    info.message.clear();
    publish(info, "deleted");
    for (auto* observer : observers_) observer->on_removed(info.name);
}

bool Manager::is_undefined(const container::Supervisor& container) const {
    return container.state() == model::State::created && container.record().history.empty() &&
           !definitions_.exists(container.id());
}

/// Whoever reads slowly, and the journal, still gets the last output and how the container ended.
void Manager::purge_removed_in(std::chrono::microseconds delay) {
    services_.loop.arm(removed_timer_, delay, [this](std::uint32_t) {
        removed_timer_.reset();
        std::erase_if(removed_, [](const auto& container) { return !container->is_read(); });
        if (!removed_.empty()) purge_removed_in(kPurgeInterval);
    });
}

/// The files as they are now. One that runs goes on by what it was started with when they were taken away; else, what
/// is missing or broken is the caller's to mend, and nothing else of the container is lost meanwhile.
Result<> Manager::reload(container::Supervisor& container) {
    auto& loaded = loaded_[container.id()];
    loaded = {definitions_.stamp(container.id()), std::nullopt};
    auto definition = definitions_.load(container.id());
    if (definition) {
        container.set_definition(std::move(*definition));
        return {};
    }
    const bool gone = definition.error().code == Errc::not_found;
    if (gone)
        definition = fail(Errc::not_found,
                          std::format("the definition of {} was removed", xctl::quoted(container.id().str())));
    loaded.error = definition.error();
    if (gone && container.is_active()) return {};
    return std::unexpected(std::move(definition).error());
}

/// For verbs that do not need a good definition.
void Manager::reload_if_changed(container::Supervisor& container, const std::string& stamp) {
    const auto it = loaded_.find(container.id());
    if (it != loaded_.end() && it->second.stamp == stamp) return;
    if (const auto reloaded = reload(container); !reloaded) log_error(reloaded.error().message);
    publish(info_of(container), "changed");
}

void Manager::on_change(container::Supervisor& container, std::string_view event) {
    // What was set for a run goes with it; the files are read again before they are needed.
    if (!container.is_active()) definitions_.remove_runtime(container.id());
    publish(info_of(container), event);
    if (!container.is_active() && !asked_to_stop_.empty()) stop_in_order_after({});
    remove_if_unwanted(container);
}

/// `run --rm`. Deferred, since the container may be in the middle of the change that we hear of; and a client that
/// lost the last daemon gets the time to come back for the end.
void Manager::remove_if_unwanted(container::Supervisor& container) {
    if (!model::is_at_rest(container.state()) || !container.definition().remove_when_stopped) return;
    const bool young = std::chrono::steady_clock::now() - started_ < kReturnTime;
    const auto delay = young && container.outlived_daemon() ? kReturnTime : std::chrono::seconds(0);
    services_.loop.arm(removals_[container.id()], delay, [this, id = container.id()](std::uint32_t) {
        removals_.erase(id);
        const auto it = containers_.find(id);
        if (it == containers_.end() || !model::is_at_rest(it->second->state())) return;
        if (!it->second->definition().remove_when_stopped) return;
        if (const auto gone = forget(*it->second); !gone) log_error(gone.error().message);
    });
}

void Manager::publish(const api::ContainerInfo& info, std::string_view event) {
    api::Event out;
    out.sequence = ++sequence_;
    out.time = to_usec(std::chrono::system_clock::now());
    out.event = event;
    out.name = info.name;
    if (event == "stopped" || event == "failed" || event == "waiting") {
        out.exit_reason = info.exit_reason;
        out.exit_status = info.exit_status;
        out.message = info.message;
    }
    // A copy, since an observer that cannot keep up may take itself off the list.
    for (auto* observer : std::list(observers_)) observer->on_event(out);
}

Result<> Manager::start_in_unit(const std::string& name, std::string unit, UniqueFd connection) {
    const auto id = TRY(ContainerId::parse(name));
    auto* container = TRY(find(id));
    TRY(reload(*container));
    return container->start_in_unit(std::move(connection), std::move(unit));
}

}  // namespace xctl::manager
