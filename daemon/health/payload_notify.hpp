// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages of a container's programs by sd_notify(3). They get a socket of their own, never the host's. A message that
// arrives there is one message to systemd, with those of its assignments that kNotifyKeys lists as passed on, in their
// order; xctl.container(5) has the same table.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::health {

enum class NotifyUse : std::uint8_t {
    passed,    // to systemd
    ready,     // says that it is ready, and is passed unless something else decides about that
    watchdog,  // says that it is alive, and is passed unless something else decides about that
};

struct NotifyKey {
    std::string_view word;  // a whole assignment, or the beginning of one with any value
    NotifyUse use;
};

/// All other keys are refused. MAINPID, FDSTORE, NOTIFYACCESS and their like would speak about the host's side of the
/// unit. BARRIER=1 is answered: its descriptor is closed when all that came before has been passed on.
inline constexpr NotifyKey kNotifyKeys[]{
    {"READY=1", NotifyUse::ready},
    {"WATCHDOG=1", NotifyUse::watchdog},
    {"WATCHDOG=trigger", NotifyUse::passed},
    {"WATCHDOG_USEC=", NotifyUse::passed},
    {"EXTEND_TIMEOUT_USEC=", NotifyUse::passed},
    {"RELOADING=1", NotifyUse::passed},
    {"MONOTONIC_USEC=", NotifyUse::passed},
    {"STOPPING=1", NotifyUse::passed},
    {"STATUS=", NotifyUse::passed},
    {"ERRNO=", NotifyUse::passed},
    {"BUSERROR=", NotifyUse::passed},
    {"VARLINKERROR=", NotifyUse::passed},
    {"EXIT_STATUS=", NotifyUse::passed},
};

struct Notification {
    struct Word {
        std::string text;  // made printable
        NotifyUse use;
        bool operator==(const Word&) const = default;
    };
    std::vector<Word> words;

    [[nodiscard]] bool says(NotifyUse use) const { return std::ranges::contains(words, use, &Word::use); }
};

Notification parse_notification(std::string_view message);

/// The one message to systemd that comes of it, or empty. READY=1 and WATCHDOG=1 only if they decide.
[[nodiscard]] std::string message_to_systemd(const Notification& said, bool ready_decides, bool watchdog_decides);

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
    [[nodiscard]] bool take_one();

    UniqueFd socket_;
    Listener listener_;
    kernel::EventSource source_;
};

/// To systemd, in the name of the main process of a unit, which `pid` must be.
Result<> notify_unit_of(pid_t pid, std::string_view text);

}  // namespace xctl::health
