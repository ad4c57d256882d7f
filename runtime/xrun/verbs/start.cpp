// SPDX-License-Identifier: LGPL-2.1-or-later
// start: lets a waiting init go on.
#include <sys/socket.h>

#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "lib/plan/compile.hpp"
#include "runtime/xrun/attachments.hpp"
#include "runtime/xrun/launching.hpp"
#include "runtime/xrun/notify_socket.hpp"
#include "runtime/xrun/report.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

Result<> check_startable(oci::Status status) {
    switch (status) {
        case oci::Status::created: return {};
        case oci::Status::stopped: return fail(Errc::wrong_state, "cannot start a container that has stopped");
        case oci::Status::running: return fail(Errc::wrong_state, "cannot start an already running container");
        default:
            return fail(Errc::wrong_state,
                        "cannot start a container in the " + std::string(oci::to_string(status)) + " state");
    }
}

/// The specification wants an error; its own validation programs want a container that has ended, as crun makes it.
Result<int> end_at_once(const Container& container) {
    report("warning", "config.json has no process: there is no program to run");
    TRY(kill_everything(container));
    return 0;
}

/// As the specification's life cycle has it after a hook that failed, with the poststop hooks.
std::unexpected<Error> destroy_after_hook(const Container& container, Error why) {
    if (const auto gone = destroy(container); !gone) report("warning", gone.error().message);
    return std::unexpected(std::move(why));
}

}  // namespace

Result<int> verb_start(const Arguments& arguments) {
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::yes));
    TRY(check_startable(status_of(container)));
    const auto spec = TRY(load_spec(container));
    if (!spec.process) return end_at_once(container);
    UniqueFd notifications;
    if (has_notify_socket()) notifications = TRY(bind_notify_socket(container.store));
    const auto channel = TRY(kernel::connect_unix(container.store.start_socket(), SOCK_SEQPACKET));
    TRY(launch::send(channel.get(), launch::MessageKind::go));
    const auto plan = [&] { return plan::compile(spec, container.record.bundle, container.record.id, {}); };
    auto executed = await_program(channel.get(), plan);
    if (!executed && executed.error().step == "start hook")
        return destroy_after_hook(container, std::move(executed).error().context(failure_of_command()));
    TRY(executed, failure_of_command());
    container.store.forget_start_socket();
    auto hooked = ContainerAttachments(container, &spec).set_up(attachment::Step::launched);
    if (!hooked) return destroy_after_hook(container, std::move(hooked).error());
    if (notifications) TRY(await_readiness(notifications.get(), container.record));
    return 0;
}

}  // namespace xctl::runtime
