// SPDX-License-Identifier: LGPL-2.1-or-later
// exec: one more process in a running container.
#include <fcntl.h>
#include <sys/prctl.h>

#include <algorithm>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/parent/running_namespaces.hpp"
#include "lib/oci/spec_json.hpp"
#include "lib/oci/user.hpp"
#include "lib/plan/compile.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/launching.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

/// A container that passes capabilities on to what is executed passes these on, too.
void add_capabilities(oci::Process& process, const std::vector<std::string>& names) {
    if (names.empty()) return;
    if (!process.capabilities) process.capabilities.emplace();
    auto& sets = *process.capabilities;
    std::vector wanted{&sets.bounding, &sets.effective, &sets.permitted};
    if (!sets.inheritable.empty()) wanted.push_back(&sets.ambient);
    for (auto* set : wanted) set->insert(set->end(), names.begin(), names.end());
}

/// The container's own process with what the command line says instead.
Result<oci::Process> process_from_words(const Arguments& arguments, const oci::Spec& spec) {
    if (arguments.words.size() < 2) return fail(Errc::invalid_argument, "process args cannot be empty");
    oci::Process process = spec.process.value_or(oci::Process{});
    if (!spec.process) process.cwd = "/";
    process.args.assign(arguments.words.begin() + 1, arguments.words.end());
    process.terminal = arguments.tty;
    process.console_size.reset();
    if (!arguments.cwd.empty()) process.cwd = arguments.cwd;
    process.env.insert(process.env.end(), arguments.env.begin(), arguments.env.end());
    if (!arguments.user.empty()) TRY(oci::set_user(process.user, arguments.user));
    for (const auto& group : arguments.groups) {
        const auto number = TRY(parse_unsigned(group), "additional-gids");
        process.user.additional_gids.push_back(static_cast<std::uint32_t>(number));
    }
    add_capabilities(process, arguments.caps);
    if (!arguments.apparmor.empty()) process.apparmor_profile = arguments.apparmor;
    if (!arguments.process_label.empty()) process.selinux_label = arguments.process_label;
    if (arguments.no_new_privs) process.no_new_privileges = true;
    return process;
}

Result<oci::Process> load_process(const Arguments& arguments, const oci::Spec& spec) {
    if (arguments.process.empty()) return process_from_words(arguments, spec);
    // The caller may name a pipe, as a shell's <(...) does. Signals still end us while we wait for it.
    const auto text = TRY(kernel::read_file_at(kCurrentDirectory, arguments.process));
    auto process = TRY(oci::parse_process(text, arguments.process));
    if (arguments.tty) process.terminal = true;
    return process;
}

Result<> check_enterable(const Arguments& arguments, oci::Status status) {
    if (status == oci::Status::stopped || status == oci::Status::creating)
        return fail(Errc::wrong_state, "cannot exec in a stopped container");
    if (status == oci::Status::paused && !arguments.ignore_paused)
        return fail(Errc::wrong_state, "cannot exec in a paused container (use --ignore-paused to override)");
    return {};
}

bool takes_processes(CgroupFd cgroup) {
    const auto enabled = kernel::read_enabled_controllers(cgroup);
    return !enabled || enabled->empty();
}

/// As other runtimes put it when a process cannot be where it was wanted.
std::unexpected<Error> cannot_add(const std::string& cgroup, int error) {
    return fail(Errc::invalid_argument, "error adding pid of the process to cgroups: " + cgroup + "/cgroup.procs: " +
                                            (error == EBUSY ? "device or resource busy" : "no such file or directory"));
}

Result<OwnedCgroup> open_subgroup(const std::string& cgroup, const std::string& path) {
    if (std::ranges::contains(split(path, '/'), ".."))
        return fail(Errc::invalid_argument, "bad sub cgroup path: " + path + " is not a sub cgroup path");
    auto opened = kernel::open_cgroup(cgroup + "/" + path);
    if (!opened && opened.error().sys_errno == ENOENT) return cannot_add(cgroup + "/" + path, ENOENT);
    if (opened && !takes_processes(*opened)) return cannot_add(cgroup + "/" + path, EBUSY);
    return opened;
}

/// The container's own; or, once the init has made groups with limits below it, where the init is.
Result<OwnedCgroup> choose_exec_group(const Arguments& arguments, const Record& record) {
    if (record.cgroup.empty()) return OwnedCgroup();
    if (!arguments.cgroup.empty()) return open_subgroup(record.cgroup, arguments.cgroup);
    auto own = TRY(kernel::open_cgroup(record.cgroup));
    if (takes_processes(own)) return own;
    const auto path = TRY(kernel::read_cgroup_path(record.pid));
    return path.starts_with(record.cgroup + "/") ? kernel::open_cgroup(path) : std::move(own);
}

Result<plan::LaunchPlan> make_plan(const Arguments& arguments, const Container& container) {
    auto spec = TRY(load_spec(container));
    // Before the process replaces the container's, whose capabilities the filter goes by.
    TRY(plan::apply_profile(spec, false, read_profile));
    const auto process = TRY(load_process(arguments, spec));
    return plan::compile_exec(spec, process, state_of(container));
}

Result<Session> enter(const Arguments& arguments, const Container& container, plan::LaunchPlan& plan) {
    launch::Descriptors descriptors;
    descriptors.preserved = TRY(preserve_descriptors(arguments, plan.process));
    descriptors.cgroup = TRY(choose_exec_group(arguments, container.record));
    // After the paths of its namespaces have been looked up by number, it is still the same process.
    plan.namespaces = TRY(launch::list_namespaces_to_join(container.record.pid));
    TRY(open_init(container.record));
    // Without a mount namespace of its own the container has only a root of its own.
    if (!std::ranges::contains(plan.namespaces, plan::NamespaceKind::mount, &plan::Namespace::kind))
        plan.root.path = "/proc/" + std::to_string(container.record.pid) + "/root";
    const Assistance assistance{.place = {}, .run_hooks = {}, .go_at_once = !plan.process.terminal};
    auto session = launch_process(plan, std::move(descriptors), arguments.console_socket, assistance);
    return TRY(std::move(session), "exec failed");
}

}  // namespace

Result<int> verb_exec(const Arguments& arguments) {
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::no));
    TRY(check_enterable(arguments, status_of(container)));
    auto plan = TRY(make_plan(arguments, container));
    TRY(check_terminal(arguments, plan.process.terminal, arguments.detach));
    if (!arguments.detach) {
        TRY(hold_signals());
        ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    auto session = TRY(enter(arguments, container, plan));
    if (session.terminal) prepare_terminal(session.terminal.get());
    TRY(announce(arguments, session.process, "setns"));
    TRY(send_go(session));
    TRY(await_program(session.channel.get(), [&]() -> Result<plan::LaunchPlan> { return plan; }), "exec failed");
    if (arguments.detach) return 0;
    return attend(session);
}

}  // namespace xctl::runtime
