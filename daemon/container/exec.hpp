// SPDX-License-Identifier: LGPL-2.1-or-later
// The processes that were started in a running container besides its own: any number at once, each with a console of
// its own, which loses nothing: a client that reads slowly slows its process, and nothing else.
//
// Each has a directory state/NAME/exec/ID and an entry NAME/ID in the parking lot. It survives the daemon as its
// container does, and ends with its container. A client may come back for its end for a while, also to the next daemon.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/console/console.hpp"
#include "daemon/run/run.hpp"

namespace xctl::container {

class Execs {
public:
    using Started = std::function<void(Result<>)>;

    struct Order {
        plan::LaunchPlan plan;
        bool input = false;  // its standard input stays open
        std::function<Result<>(pid_t pid, pid_t keeper)> enter;
        /// Also when it could not be started; not told by the next daemon.
        std::function<void(const model::ExitRecord&)> ended{};
    };
    /// Its first client is attached before it starts, so that no byte is missed.
    struct Opened {
        std::string id;
        UniqueFd console;  // the client's end
    };

    Execs(run::Services& services, std::string name, std::string directory);
    ~Execs();

    /// As a Console's; of each that is opened from now on.
    void set_hang_listener(std::function<void(pid_t)> listener) { on_hang_ = std::move(listener); }
    /// Takes up what the last daemon left of them.
    void recover(std::vector<run::Parking::Entry> parked);

    /// `started` when the program runs, or could not be started; not within this call.
    Result<Opened> start(Order order, console::ConsoleClient::Options options, Started started);
    Result<UniqueFd> attach(const std::string& id, console::ConsoleClient::Options options,
                            std::optional<std::uint64_t> offset, std::optional<std::uint64_t> mark, bool steal);
    /// The processes that run.
    [[nodiscard]] std::vector<api::ExecInfo> list() const;
    /// One that has ended already is none that could be killed.
    void kill(const std::string& id);
    /// The container was deleted.
    void finish();

private:
    struct Exec;

    Result<Exec*> open(const std::string& id);
    void make_run(Exec& exec, plan::LaunchPlan plan, std::function<Result<>(pid_t pid, pid_t keeper)> enter);
    void take_up(const std::string& id, std::optional<run::Parking::Entry> parked);
    void on_ended(Exec& exec, const model::ExitRecord& record, std::optional<Error> failure);
    void purge_in(Exec& exec, std::chrono::microseconds delay);
    [[nodiscard]] std::string key_of(const std::string& id) const { return name_ + "/" + id; }

    run::Services& services_;
    std::string name_;
    std::string directory_;
    std::function<void(pid_t)> on_hang_;
    std::map<std::string, std::unique_ptr<Exec>> execs_;
};

/// Which container a parked entry of an exec belongs to; empty: it is of none.
[[nodiscard]] std::string container_of_exec(const std::string& parking_key);

}  // namespace xctl::container
