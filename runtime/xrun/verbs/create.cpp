// SPDX-License-Identifier: LGPL-2.1-or-later
// create: everything up to an init that waits for its start.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "runtime/xrun/attachments.hpp"
#include "runtime/xrun/bundle.hpp"
#include "runtime/xrun/launching.hpp"
#include "runtime/xrun/notify_socket.hpp"
#include "runtime/xrun/privileges.hpp"
#include "runtime/xrun/report.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

using attachment::Step;

/// Everything is written down before it is made, so that whoever finds us dead can remove it.
Result<Session> make_init(const Arguments& arguments, Container& container, Bundle& bundle,
                          const Placement& placement, int preserved, bool go_at_once) {
    if (!placement.cgroup.empty()) TRY(check_group(placement.cgroup));
    TRY(container.store.save(container.record));
    TRY(container.store.save_config(bundle.text));
    // A user who was given no cgroup can do without one as long as nothing is limited.
    const Making making{container, placement, bundle.plan, unavailable_limits(arguments), true,
                        !is_rootless(arguments) || !bundle.plan.cgroup.files.empty()};
    ContainerAttachments attachments(making, bundle.spec);
    TRY(attachments.set_up(Step::prepare));
    launch::Descriptors descriptors;
    descriptors.cgroup = attachments.cgroup().take_directory();
    descriptors.start = TRY(kernel::listen_unix(container.store.start_socket(), SOCK_SEQPACKET, 0600));
    descriptors.preserved = preserved;
    descriptors.keep_keyring = arguments.no_new_keyring;
    Assistance assistance;
    // Answers that it waits for earlier would come too late, and its terminal is set up when it is ready.
    const bool needs_us = !placement.scope.empty() || !bundle.plan.hooks.create_runtime.empty();
    assistance.go_at_once = go_at_once && bundle.spec.process && !needs_us && !bundle.plan.process.terminal;
    if (!placement.scope.empty())
        assistance.place = [&](const launch::Launched& init) {
            return attachments.set_up(Step::placed, init.pid, init.pidfd);
        };
    assistance.run_hooks = [&](pid_t pid) {
        container.record.pid = pid;
        return attachments.set_up(Step::created, pid);
    };
    auto session = TRY(launch_process(bundle.plan, std::move(descriptors), arguments.console_socket, assistance));
    container.record.pid = session.process.pid;
    // One that was told to go may have come to its end already.
    container.record.start_time = read_start_time(session.process.pid).value_or(0);
    TRY(container.store.save(container.record));
    TRY(announce(arguments, session.process, "standard"));
    return session;
}

}  // namespace

Result<Created> create_container(const Arguments& arguments, bool detached, bool go_at_once) {
    TRY(check_id(arguments.id()));
    auto bundle = TRY(load_bundle(arguments));
    TRY(check_terminal(arguments, bundle.plan.process.terminal, detached));
    const int preserved = TRY(preserve_descriptors(arguments, bundle.plan.process));
    const auto placement = TRY(choose_placement(arguments, bundle.spec), "config.json");
    Container container{TRY(Store::create(arguments)), make_record(arguments, bundle, placement)};
    auto session = make_init(arguments, container, bundle, placement, preserved, go_at_once);
    if (session)
        return Created{std::move(container), std::move(bundle.spec), std::move(bundle.plan), std::move(*session)};
    give_up(container, session.error());
    return std::unexpected(std::move(session).error().context(failure_of_command()));
}

Result<int> verb_create(const Arguments& arguments) {
    const auto created = TRY(create_container(arguments, true, false));
    TRY(launch::send(created.session.channel.get(), launch::MessageKind::hold));
    return 0;
}

}  // namespace xctl::runtime
