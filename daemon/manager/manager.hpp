// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs, as functions over the containers. Knows no transport: D-Bus and varlink both end here, and whoever
// calls has been authorized already.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/types.hpp"
#include "api/verbs.hpp"
#include "daemon/console/journal.hpp"
#include "daemon/container/supervisor.hpp"
#include "daemon/definition/definitions.hpp"
#include "daemon/manager/boot_marks.hpp"
#include "daemon/manager/call.hpp"
#include "daemon/manager/starter.hpp"

namespace xctl::manager {

/// Hears what happens to the containers.
class ManagerObserver {
public:
    virtual void on_added(const std::string& name) = 0;
    virtual void on_removed(const std::string& name) = 0;
    virtual void on_event(const api::Event& event) = 0;

protected:
    ~ManagerObserver() = default;
};

class Manager {
public:
    using Done = manager::Done;

    Manager(run::Services& services, const console::Journal& journal, definition::Definitions definitions,
            std::string run_base, BootMarks marks);
    ~Manager();

    /// Takes up what the definitions and the last daemon left.
    Result<> recover();
    /// Starts what is to be running after boot; `done` when nothing of it waits any more.
    void autostart(std::function<void()> done);

    /// At the orderly end of this daemon.
    void save_consoles();

    /// Any verb but `events`, which is an observer's matter. `done` runs once, perhaps before this returns.
    void call(api::Verb verb, api::Request request, Progress progress, Done done);

    /// Lets go of what is kept for callers who have left.
    void forget_departed();

    void add_observer(ManagerObserver& observer) { observers_.push_back(&observer); }
    void remove_observer(ManagerObserver& observer) { observers_.remove(&observer); }

    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] std::optional<api::ContainerInfo> info(const std::string& name) const;

    /// Someone asked systemd to stop one of our scopes, and systemd leaves it to us.
    void stop_unit(const std::string& unit);
    /// systemd starts oci@NAME as `unit`; takes over the connection of its xctl-launch.
    Result<> start_in_unit(const std::string& name, std::string unit, UniqueFd connection);

private:
    struct Handlers;
    void create(const Call<api::CreateRequest>& call);
    void start(const Call<api::StartRequest>& call);
    void run(const Call<api::RunRequest>& call);
    void stop(const Call<api::StopRequest>& call);
    void restart(const Call<api::StopRequest>& call);
    void kill(const Call<api::KillRequest>& call);
    void remove(const Call<api::DeleteRequest>& call);
    void list(const Call<api::NoArguments>& call);
    void state(const Call<api::ContainerRequest>& call);
    /// Its definition was removed, and since it never ran, nothing else is left of it.
    [[nodiscard]] bool is_undefined(const container::Supervisor& container) const;
    void drop_undefined(const definition::Survey& survey);
    [[nodiscard]] api::Reply list_all();
    [[nodiscard]] Result<api::Reply> describe(const ContainerId& id);
    void attach(const Call<api::AttachRequest>& call);
    void logs(const Call<api::LogsRequest>& call);
    void wait(const Call<api::ContainerRequest>& call);
    void enable(const Call<api::ContainerRequest>& call);
    void disable(const Call<api::ContainerRequest>& call);
    void pause(const Call<api::ContainerRequest>& call);
    void resume(const Call<api::ContainerRequest>& call);
    void reset(const Call<api::ContainerRequest>& call);
    void ps(const Call<api::ContainerRequest>& call);
    void stats(const Call<api::StatsRequest>& call);
    void why(const Call<api::ContainerRequest>& call);
    void history(const Call<api::ContainerRequest>& call);
    void exec(const Call<api::ExecRequest>& call);
    void when_launched(const ContainerId& id, const Done& done, std::function<void(container::Supervisor&)> then);
    void when_units_run(std::function<void()> then);
    void mark_wanted(const container::Supervisor& container, bool wanted) const;
    [[nodiscard]] bool starts_at_boot(const container::Supervisor& container) const;
    [[nodiscard]] std::vector<run::Parking::Entry> take_parked_execs(const ContainerId& id);
    void drop_orphaned_execs();
    // manager_definition_verbs.cpp
    void cat(const Call<api::ContainerRequest>& call);
    void explain(const Call<api::ContainerRequest>& call);
    void diff(const Call<api::ContainerRequest>& call);
    void verify(const Call<api::VerifyRequest>& call);
    Result<std::vector<definition::NamedText>> read_to_verify(const ContainerId& id, const std::string& content) const;
    [[nodiscard]] std::vector<api::Finding> verify_container(const ContainerId& id,
                                                             const std::vector<definition::NamedText>& files);
    void edit(const Call<api::EditRequest>& call);
    void set(const Call<api::SetRequest>& call);
    void clients(const Call<api::ContainerRequest>& call);
    void execs(const Call<api::ContainerRequest>& call);
    struct SetOrder {
        container::Supervisor* container;
        definition::NamedText edited;
        definition::Definition definition;
        std::vector<std::string> keys;
    };
    Result<SetOrder> prepare_set(const ContainerId& id, const api::SetRequest& request);

    Result<container::Supervisor*> find(const ContainerId& id);
    Result<container::Supervisor*> add(ContainerId id, definition::Definition definition);
    Result<container::Supervisor*> define(const ContainerId& id, Result<definition::Definition> made,
                                          const std::vector<std::string>& args,
                                          definition::Definitions::Lifetime lifetime);
    // manager_recovery.cpp
    void recover_by_its_run(const std::string& key);
    [[nodiscard]] std::optional<run::Run::Identity> recorded_run_of(const ContainerId& id) const;
    void stop_orphaned_units();
    void remove_orphaned_directories();
    Result<> begin_life(const ContainerId& id);
    Result<> forget(container::Supervisor& container);
    void drop(container::Supervisor& container);
    void purge_removed_in(std::chrono::microseconds delay);
    Result<> reload(container::Supervisor& container);
    void reload_if_changed(container::Supervisor& container, const std::string& stamp);
    [[nodiscard]] bool is_awaited(const ContainerId& id);
    void stop_in_order_after(std::chrono::microseconds delay);
    void stop_in_order();
    /// Returns the containers whose definitions are broken.
    std::vector<api::ContainerInfo> find_new(const definition::Survey& survey);
    [[nodiscard]] api::ContainerInfo info_of(const container::Supervisor& container) const;
    [[nodiscard]] api::ContainerInfo info_of_broken(const ContainerId& id, const Error& error) const;
    Result<> check_definition(const ContainerId& id, const std::vector<definition::NamedText>& files) const;
    Result<> change(const ContainerId& id, const definition::NamedText& file);
    api::Reply changed_reply(const ContainerId& id, const std::vector<std::string>& keys);
    void remove_if_unwanted(container::Supervisor& container);
    void set_autostart(const ContainerId& id, bool autostart, const Done& done);
    [[nodiscard]] container::Supervisor::Done reply_with(const ContainerId& id, Done done);
    void on_change(container::Supervisor& container, std::string_view event);
    void publish(const api::ContainerInfo& info, std::string_view event);

    run::Services& services_;
    const console::Journal& journal_;
    definition::Definitions definitions_;
    std::string run_base_;
    BootMarks marks_;
    std::map<ContainerId, std::unique_ptr<container::Supervisor>, std::less<>> containers_;
    /// How the files of a container were when they were last read, and why they could not be used.
    struct Loaded {
        std::string stamp;
        std::optional<Error> error;
    };
    std::map<ContainerId, Loaded> loaded_;
    Starter starter_;
    std::set<ContainerId> asked_to_stop_;  // by systemd
    kernel::EventSource stop_order_timer_;
    std::map<std::string, run::Parking::Entry> parked_;  // by the last daemon, and not taken up yet
    // Until none of their code runs and their clients have left.
    std::vector<std::unique_ptr<container::Supervisor>> removed_;
    kernel::EventSource removed_timer_;
    std::map<ContainerId, kernel::EventSource> removals_;  // of containers that go when they stop
    std::list<ManagerObserver*> observers_;
    std::uint64_t sequence_ = 0;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace xctl::manager
