// SPDX-License-Identifier: LGPL-2.1-or-later
// The warm launcher: a running `xctl-launch --serve` that clones containers' inits for us.
//
// It holds no state. When it dies it is started again with the next order; orders it had not answered fail.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"
#include "lib/launch/parent/launch.hpp"
#include "lib/launch/service_protocol.hpp"

namespace xctl::run {

/// An encoded plan in a memfd; sent along with every order for it.
Result<UniqueFd> make_plan_file(const plan::LaunchPlan& plan);

class Launcher {
public:
    using Done = std::function<void(Result<launch::Launched>)>;

    Launcher(kernel::EventLoop& loop, std::string program) : loop_(loop), program_(std::move(program)) {}
    ~Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    /// `done` with the init's pidfd once it is cloned; `descriptors` are the init's own ends.
    void order(int plan_file, launch::Descriptors descriptors, bool terminal, launch::Parent parent, Done done);

    /// Ends it, and fails what it has not answered. The next order starts another.
    void give_up(const std::string& why);

private:
    Result<> ensure_running();
    void reap();
    Result<> send_order(int plan_file, const launch::Descriptors& descriptors, bool terminal, launch::Parent parent);
    void on_readable();
    bool take_report();

    kernel::EventLoop& loop_;
    std::string program_;
    UniqueFd socket_;
    pid_t pid_ = -1;
    std::vector<pid_t> dying_;  // killed, not reaped yet
    kernel::EventSource source_;
    std::deque<Done> pending_;
};

/// The descriptors of an order in the order that the protocol demands.
[[nodiscard]] std::vector<int> order_descriptors(int plan_file, const launch::Descriptors& descriptors, bool terminal,
                                                 launch::Parent parent);
/// What a report says.
Result<launch::Launched> read_report(launch::ReceivedService& report);

}  // namespace xctl::run
