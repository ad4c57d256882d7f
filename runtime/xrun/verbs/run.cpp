// SPDX-License-Identifier: LGPL-2.1-or-later
// run: create and start in one, and stay until the program ends unless told otherwise.
#include <sys/prctl.h>

#include "lib/launch/channel.hpp"
#include "runtime/xrun/attachments.hpp"
#include "runtime/xrun/launching.hpp"
#include "runtime/xrun/notify_socket.hpp"
#include "runtime/xrun/report.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

Result<> begin(Created& created) {
    if (has_notify_socket()) created.session.notifications = TRY(bind_notify_socket(created.container.store));
    if (created.session.terminal) prepare_terminal(created.session.terminal.get());
    TRY(send_go(created.session));
    TRY(await_program(created.session.channel.get(), [&]() -> Result<plan::LaunchPlan> { return created.plan; }));
    created.container.store.forget_start_socket();
    return ContainerAttachments(created.container, &created.spec).set_up(attachment::Step::launched);
}

Result<int> run_to_its_end(const Arguments& arguments, Created& created) {
    auto begun = begin(created);
    if (!begun) {
        drain_terminal(created.session);
        if (const auto gone = destroy(created.container); !gone) report("warning", gone.error().message);
        return std::unexpected(std::move(begun).error().context(failure_of_command()));
    }
    auto& notifications = created.session.notifications;
    if (arguments.detach && notifications) TRY(await_readiness(notifications.get(), created.container.record));
    if (arguments.detach) return 0;
    const auto status = attend(created.session);
    if (!arguments.keep) TRY(destroy(created.container));
    return status;
}

}  // namespace

Result<int> verb_run(const Arguments& arguments) {
    if (!arguments.detach) {
        TRY(hold_signals());
        // What the container's init leaves behind becomes ours, also an init that a helper made.
        if (!arguments.no_subreaper) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    auto created = TRY(create_container(arguments, arguments.detach, !has_notify_socket()));
    if (!created.spec.process) {
        TRY(destroy(created.container));
        return fail(Errc::invalid_document, "config.json: /process: there is no program to run");
    }
    return run_to_its_end(arguments, created);
}

}  // namespace xctl::runtime
