// SPDX-License-Identifier: LGPL-2.1-or-later
// Starts containers that wait for others: what one requires is started before it, and what it comes after has started
// or failed to. At boot each waits for its network interfaces and mounts, too.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/container/supervisor.hpp"
#include "daemon/manager/link_waiter.hpp"
#include "daemon/manager/start_order.hpp"

namespace xctl::manager {

/// The other containers that a definition names.
[[nodiscard]] Ordering ordering_of(const definition::Definition& definition);

class Starter {
public:
    using Done = container::Supervisor::Done;
    using Find = std::function<Result<container::Supervisor*>(const ContainerId& id)>;

    Starter(run::Services& services, Find find) : services_(services), find_(std::move(find)), links_(services.loop) {}

    /// `done` when it runs, or cannot. What is said of it is found by its id when its turn comes.
    void start(const ContainerId& id, std::vector<std::string> args, Done done);
    /// All of them, each in its turn. Failures are logged. `done` when nothing waits any more.
    void start_at_boot(const std::vector<ContainerId>& ids, std::function<void()> done);

private:
    struct Pending {
        std::set<ContainerId> waits_for, required;
        std::vector<std::string> args;
        Done done;
        bool boot = false;
        bool begun = false;
    };

    [[nodiscard]] bool is_up(const ContainerId& id) const;
    [[nodiscard]] std::optional<Ordering> ordering_of(const ContainerId& id) const;
    void add(const std::vector<ContainerId>& order, bool boot);
    void advance();
    void begin(const ContainerId& id);
    void wait_for_host(const ContainerId& id);
    void wait_for_mounts(const std::vector<std::string>& paths, Done done);
    void launch(const ContainerId& id);
    void settle(const ContainerId& id, const Result<>& result);
    void end_boot_if_done();

    run::Services& services_;
    Find find_;
    LinkWaiter links_;
    std::map<ContainerId, Pending> pending_;
    std::function<void()> boot_done_;
};

}  // namespace xctl::manager
