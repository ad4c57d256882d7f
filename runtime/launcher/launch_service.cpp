// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/launcher/launch_service.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/notify.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/parent/launch.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"
#include "lib/launch/service_protocol.hpp"
#include "lib/plan/codec.hpp"
#include "runtime/launcher/watchdog.hpp"
#include "runtime/listen_fds.hpp"

namespace xctl::runtime {
namespace {

using launch::Launched;
using launch::Parent;
using launch::ReceivedService;
using launch::ServiceKind;
using launch::ServiceMessage;

constexpr std::chrono::seconds kConnectTimeout{30};
constexpr std::chrono::seconds kNotifyTimeout{10};
constexpr std::size_t kMaxPlanSize = 64U << 20;
constexpr std::string_view kSupervisorGroup = "/supervisor";

/// What an order says, with its descriptors in their places.
struct Order {
    plan::LaunchPlan plan;
    launch::Descriptors descriptors;
    Parent parent{};
};

Result<plan::LaunchPlan> read_plan(int memfd) {
    struct stat info{};
    if (::fstat(memfd, &info) < 0) return fail_errno(errno, "fstat of the plan");
    const auto size = static_cast<std::size_t>(info.st_size);
    if (size == 0 || size > kMaxPlanSize) return fail(Errc::invalid_document, "the plan has an impossible size");
    void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, memfd, 0);
    if (bytes == MAP_FAILED) return fail_errno(errno, "mmap of the plan");
    auto plan = plan::decode(std::span(static_cast<const std::byte*>(bytes), size));
    ::munmap(bytes, size);
    return plan;
}

Result<Order> take_order(ReceivedService& received) {
    const auto& message = received.message;
    const bool keeper = message.parent == Parent::keeper;
    const std::size_t streams = message.terminal ? 0 : 3;
    if (message.kind != ServiceKind::order || received.fd_count != 2 + streams + (keeper ? 1 : 0))
        return fail(Errc::invalid_document, "expected an order with its descriptors");
    Order order{.plan = TRY(read_plan(received.fds[0].get())), .descriptors = {}, .parent = message.parent};
    order.descriptors.channel = std::move(received.fds[1]);
    for (std::size_t i = 0; i < streams; ++i) order.descriptors.stdio[i] = std::move(received.fds[2 + i]);
    if (keeper) order.descriptors.record_directory = std::move(received.fds[2 + streams]);
    return order;
}

Result<> send_report(int socket, const Result<Launched>& launched) {
    if (!launched) {
        const auto& error = launched.error();
        const ServiceMessage message{.kind = ServiceKind::report,
                                     .error = error.sys_errno != 0 ? error.sys_errno : EINVAL,
                                     .text = error.message};
        return launch::send_service(socket, message, {});
    }
    const int fds[] = {launched->pidfd.get(), launched->keeper_pidfd.get()};
    const std::size_t count = launched->keeper_pidfd ? 2 : 1;
    return launch::send_service(socket, {.kind = ServiceKind::report, .pid = launched->pid, .text = {}},
                                std::span(fds).first(count));
}

Result<Launched> execute_order(ReceivedService& received) {
    auto order = TRY(take_order(received));
    return launch::launch(order.plan, std::move(order.descriptors), order.parent);
}

/// The unit that we run in.
struct Unit {
    OwnedCgroup cgroup;
    pid_t keeper = -1;  // us, when we are in the unit's own cgroup, which must be left without processes
};

/// systemd puts us into a subgroup (DelegateSubgroup=).
Result<Unit> open_unit() {
    auto path = TRY(kernel::read_own_cgroup_path());
    const bool in_subgroup = path.ends_with(kSupervisorGroup);
    if (in_subgroup) path.resize(path.size() - kSupervisorGroup.size());
    return Unit{TRY(kernel::open_cgroup(path)), in_subgroup ? -1 : ::getpid()};
}

Result<Launched> execute_in_unit(ReceivedService& received) {
    auto order = TRY(take_order(received));
    const auto unit = TRY(open_unit());
    order.descriptors.preserved = count_listen_fds();
    announce_listen_fds(order.plan.process, order.descriptors.preserved);
    announce_watchdog(order.plan);
    launch::DevicePrograms programs;
    order.descriptors.cgroup =
        TRY(launch::prepare_payload(unit.cgroup, order.plan.cgroup, unit.keeper, programs));
    return launch::launch(order.plan, std::move(order.descriptors), Parent::sibling);
}

Result<> announce(int socket, pid_t init, bool ready_later) {
    TRY(kernel::notify("MAINPID=" + std::to_string(init) + (ready_later ? "" : "\nREADY=1")));
    TRY(kernel::notify_barrier(kNotifyTimeout));
    return launch::send_service(socket, {.kind = ServiceKind::announce, .text = {}}, {});
}

/// Until xctld's verdict; in between it asks for the announcement.
Result<> await_verdict(int socket, pid_t init) {
    while (true) {
        const auto received = TRY(launch::receive_service(socket), "waiting for xctld");
        const auto& message = received.message;
        switch (message.kind) {
            case ServiceKind::announce: TRY(announce(socket, init, message.ready_later)); break;
            case ServiceKind::verdict:
                if (message.error == 0) return {};
                return fail(Errc::launch_failed, message.text);
            default: return fail(Errc::invalid_document, "xctld sent an unexpected message");
        }
    }
}

Result<ReceivedService> fetch_order(int socket, const std::string& name) {
    TRY(kernel::set_receive_timeout(socket, kConnectTimeout));
    TRY(launch::send_service(socket, {.kind = ServiceKind::hello, .text = name}, {}));
    auto received = TRY(launch::receive_service(socket), "waiting for xctld's order");
    if (received.message.kind == ServiceKind::refusal) return fail(Errc::launch_failed, received.message.text);
    TRY(kernel::set_receive_timeout(socket, {}));
    return received;
}

}  // namespace

Result<> serve_orders(int socket) {
    while (true) {
        auto received = launch::receive_service(socket);
        if (!received && received.error().code == Errc::cancelled) return {};
        if (!received) return std::unexpected(std::move(received).error());
        TRY(send_report(socket, execute_order(*received)));
    }
}

Result<> launch_unit(const std::string& name) {
    const auto socket =
        TRY(kernel::connect_unix(std::string(launch::kLaunchSocket), SOCK_SEQPACKET, kConnectTimeout));
    auto received = TRY(fetch_order(socket.get(), name));
    const auto launched = execute_in_unit(received);
    TRY(send_report(socket.get(), launched));
    return await_verdict(socket.get(), launched ? launched->pid : -1);
}

}  // namespace xctl::runtime
