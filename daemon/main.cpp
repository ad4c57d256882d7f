// SPDX-License-Identifier: LGPL-2.1-or-later
// xctld: wiring only.
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "daemon/activation.hpp"
#include "daemon/console/journal.hpp"
#include "daemon/dispatch/dispatcher.hpp"
#include "daemon/dispatch/event_feed.hpp"
#include "daemon/dispatch/manager_handlers.hpp"
#include "daemon/manager/manager.hpp"
#include "daemon/run/launcher.hpp"
#include "daemon/run/own_limits.hpp"
#include "daemon/systemd/bus.hpp"
#include "daemon/systemd/machines.hpp"
#include "daemon/systemd/scopes.hpp"
#include "daemon/transport/dbus/dbus_server.hpp"
#include "daemon/transport/polkit.hpp"
#include "daemon/transport/unit/unit_server.hpp"
#include "daemon/transport/varlink/varlink_server.hpp"
#include "lib/base/log.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/pidfd.hpp"

namespace xctl {
namespace {

constexpr const char* kRunBase = "/run/xctl/state";
constexpr const char* kOwnUnit = "xctld.service";
constexpr const char* kBootedFile = "/run/xctl/booted";
constexpr const char* kBootMarks = "/var/lib/xctl/wanted";

/// The first daemon of a boot starts what is to run after boot; its successors find it running. The file is made
/// last, when all have started or failed to: a daemon that is killed in between leaves the rest to the next one, and
/// what runs is not started twice.
void autostart_once(manager::Manager& manager) {
    if (kernel::open_at(AT_FDCWD, kBootedFile, O_RDONLY)) return;
    manager.autostart([] {
        if (const auto made = kernel::open_at(AT_FDCWD, kBootedFile, O_CREAT | O_WRONLY, 0600); !made)
            log_error(made.error().message);
    });
}

void store_again(const run::Parking& parking) {
    if (const auto stored = store_parking(parking); !stored) log_error(stored.error().message);
}

Result<> serve() {
    auto loop = TRY(kernel::EventLoop::open());
    auto passed = TRY(take_passed_fds());
    auto parking = TRY(open_parking(passed));
    auto bus = TRY(systemd::Bus::open(loop));
    const auto scopes = TRY(systemd::Scopes::open(bus));
    const auto machines = TRY(systemd::Machines::open(bus));
    const auto polkit = TRY(transport::Polkit::open(bus));
    const auto journal = console::Journal::open();
    run::Launcher launcher(loop, XCTL_LIBEXEC_DIR "/xctl-launch");
    console::PipeWorkers pipe_workers(loop);
    parking.set_disposer([&](auto fds) { pipe_workers.close(std::move(fds)); });
    definition::Blueprints blueprints;
    launch::DevicePrograms device_programs;
    run::Services services{loop,    launcher,   pipe_workers,    *scopes,                *machines,
                           parking, blueprints, device_programs, kernel::has_exit_info()};

    manager::Manager manager(services, journal, definition::Definitions::standard(), kRunBase,
                             manager::BootMarks(kBootMarks));
    TRY(manager.recover(), "take up the containers");
    scopes->set_reload_listener([&] { store_again(parking); });
    scopes->set_stop_listener([&](const std::string& unit) { manager.stop_unit(unit); });

    dispatch::ManagerHandlers handlers(manager);
    dispatch::Dispatcher dispatcher(loop, handlers, *polkit);
    const dispatch::EventFeed events(manager, dispatcher);
    transport::VarlinkServer varlink(loop, dispatcher);
    TRY(varlink.start(std::move(passed["varlink"])));
    transport::UnitServer units(loop, manager);
    if (auto& sockets = passed["launch"]; !sockets.empty()) TRY(units.start(std::move(sockets.front())));
    transport::DbusServer dbus(loop, bus, manager, dispatcher);
    TRY(dbus.start());

    const auto stop = [&](std::uint32_t) { loop.exit(0); };
    const auto on_term = TRY(loop.add_signal(SIGTERM, stop));
    const auto on_int = TRY(loop.add_signal(SIGINT, stop));
    TRY(loop.keep_watchdog());
    sd_notify(0, "READY=1");
    // Only starts that fail make systemd wait longer before the next one. A daemon that is killed later is not delayed.
    scopes->reset_failed(kOwnUnit);
    autostart_once(manager);
    auto ended = loop.run();
    // systemd may have reloaded just now.
    store_again(parking);
    manager.save_consoles();
    return ended;
}

void prepare_process() {
    ::umask(0022);
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace
}  // namespace xctl

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--version") return std::puts("xctld " XCTL_VERSION) < 0;
    if (argc > 1) {
        std::fputs("xctld takes no arguments; systemd starts it\n", stderr);
        return 2;
    }
    xctl::open_log();
    xctl::prepare_process();
    if (const auto is_protected = xctl::run::protect_self(); !is_protected) xctl::log_warning(is_protected.error().message);
    if (const auto served = xctl::serve(); !served) {
        xctl::log_error(served.error().message);
        return 1;
    }
    return 0;
}
