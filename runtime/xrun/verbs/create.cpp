// SPDX-License-Identifier: LGPL-2.1-or-later
// create: everything up to an init that waits for its start.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "runtime/xrun/bundle.hpp"
#include "runtime/xrun/launching.hpp"
#include "runtime/xrun/notify_socket.hpp"
#include "runtime/xrun/privileges.hpp"
#include "runtime/xrun/report.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

/// A user who was given no cgroup can do without one as long as nothing is limited.
bool is_dispensable(const Arguments& arguments, const Bundle& bundle, const Error& error) {
    const bool refused = error.sys_errno == EACCES || error.sys_errno == EPERM || error.sys_errno == EROFS;
    return refused && is_rootless(arguments) && bundle.plan.cgroup.files.empty();
}

/// Everything is written down before it is made, so that whoever finds us dead can remove it.
Result<Session> make_init(const Arguments& arguments, Container& container, Bundle& bundle,
                          const Placement& placement, int preserved, bool go_at_once) {
    if (!placement.cgroup.empty()) TRY(check_group(placement.cgroup));
    TRY(container.store.save(container.record));
    TRY(container.store.save_config(bundle.text));
    if (has_notify_socket()) TRY(add_notify_directory(container.store, bundle.plan));
    launch::Descriptors descriptors;
    if (!placement.cgroup.empty()) {
        auto cgroup = make_group(placement.cgroup, bundle.plan.cgroup, unavailable_limits(arguments));
        if (!cgroup && !is_dispensable(arguments, bundle, cgroup.error())) return std::unexpected(cgroup.error());
        if (cgroup)
            descriptors.cgroup = std::move(*cgroup);
        else
            container.record.cgroup.clear();
    }
    descriptors.start = TRY(kernel::listen_unix(container.store.start_socket(), SOCK_SEQPACKET, 0600));
    descriptors.preserved = preserved;
    descriptors.keep_keyring = arguments.no_new_keyring;
    Assistance assistance;
    // Answers that it waits for earlier would come too late, and its terminal is set up when it is ready.
    const bool needs_us = !placement.scope.empty() || !bundle.plan.hooks.create_runtime.empty();
    assistance.go_at_once = go_at_once && bundle.spec.process && !needs_us && !bundle.plan.process.terminal;
    if (!placement.scope.empty())
        assistance.place = [&](const launch::Launched& init) -> Result<> {
            container.record.cgroup =
                TRY(make_scope(placement, arguments.id(), init.pidfd, bundle.plan.cgroup,
                                unavailable_limits(arguments)));
            return container.store.save(container.record);
        };
    assistance.run_hooks = [&](pid_t pid) -> Result<> {
        container.record.pid = pid;
        TRY(run_hooks(container, "prestart", bundle.spec.hooks.prestart, oci::Status::created));
        return run_hooks(container, "createRuntime", bundle.spec.hooks.create_runtime, oci::Status::created);
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
