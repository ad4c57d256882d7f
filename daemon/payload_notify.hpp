// SPDX-License-Identifier: LGPL-2.1-or-later
// What a container's programs say by sd_notify(3). They get a socket of their own, never the host's; what arrives there
// is passed on word by word, and only the words that are listed here.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"
#include "lib/plan/plan.hpp"

namespace xctl {

struct Notification {
    bool ready = false;
    bool watchdog = false;
    std::vector<std::string> passed_on;  // assignments that systemd may see, made printable
};

Notification parse_notification(std::string_view message);

class PayloadNotify {
public:
    using Listener = std::function<void(const Notification&)>;

    /// Makes the socket in the run's directory, in a new directory that replaces that of an earlier run.
    static Result<UniqueFd> bind(int run_directory);
    /// Shows it to the container, and tells its program where.
    static Result<> add_to(plan::LaunchPlan& plan, int run_directory);

    /// Messages wait in the socket while nobody listens.
    void hold(UniqueFd socket) { socket_ = std::move(socket); }
    Result<> listen(kernel::EventLoop& loop, Listener listener);
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

private:
    void on_readable();

    UniqueFd socket_;
    Listener listener_;
    kernel::EventSource source_;
};

/// To systemd, in the name of the main process of a unit, which `pid` must be.
Result<> notify_unit_of(pid_t pid, std::string_view text);

}  // namespace xctl
