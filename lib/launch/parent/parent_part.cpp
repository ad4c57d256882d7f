// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/parent_part.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>

#include "lib/base/fd.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/namespaces.hpp"
#include "lib/kernel/net_device.hpp"
#include "lib/launch/init/steps.hpp"
#include "lib/launch/parent/id_map_helper.hpp"
#include "lib/launch/parent/id_map_text.hpp"
#include "lib/launch/parent/resctrl.hpp"

namespace xctl::launch {
namespace {

/// In a user namespace a hard limit cannot be raised any more. The child sets the limits itself, later.
Result<> raise_hard_limits(pid_t pid, const plan::Process& process) {
    for (const auto& row : process.rlimits) {
        rlimit64 limit{};
        const auto resource = static_cast<__rlimit_resource>(row.resource);
        if (::prlimit64(pid, resource, nullptr, &limit) < 0) return fail_errno(errno, "prlimit");
        if (row.hard <= limit.rlim_max) continue;
        limit.rlim_max = row.hard;
        if (::prlimit64(pid, resource, &limit, nullptr) < 0) return fail_errno(errno, "prlimit");
    }
    return {};
}

Part prepare_in_user_namespace(const plan::LaunchPlan& plan, pid_t pid) {
    const auto process = kernel::open_at(kCurrentDirectory, "/proc/" + std::to_string(pid), O_PATH | O_DIRECTORY);
    if (!process) return {step_number("id maps"), std::unexpected(process.error())};
    if (has_new_namespace(plan, plan::NamespaceKind::user)) {
        auto result = kernel::write_id_maps(*process, {id_map_text(plan.uid_map), id_map_text(plan.gid_map)});
        if (!result && result.error().sys_errno == EPERM) result = map_ids_by_helper(pid, plan);
        if (!result) return {step_number("id maps"), std::move(result)};
    }
    if (plan.process.oom_score_adj) {
        auto result =
            kernel::write_file_at(*process, "oom_score_adj", std::to_string(*plan.process.oom_score_adj));
        if (!result) return {step_number("OOM score"), std::move(result)};
    }
    return {step_number("resource limit"), raise_hard_limits(pid, plan.process)};
}

/// The one that the container joins, or that the init has for a new one.
Result<UniqueFd> open_net_namespace(const Context& context, pid_t pid) {
    const auto* row = find_namespace(*context.plan, plan::NamespaceKind::network);
    if (row == nullptr) return fail_errno(EINVAL, "the container has the host's network");
    const auto path = row->path.empty() ? "/proc/" + std::to_string(pid) + "/ns/net" : row->path;
    return kernel::open_namespace(path, CLONE_NEWNET);
}

Part move_net_devices(const Context& context, pid_t pid) {
    const auto& devices = context.plan->net_devices;
    Part part{step_number("network device"), {}};
    if (devices.empty()) return part;
    const auto target = open_net_namespace(context, pid);
    if (!target) return {part.step, std::unexpected(target.error())};
    for (std::size_t i = 0; i < devices.size() && part.result; ++i) {
        part.index = static_cast<int>(i);
        part.result = kernel::move_net_device(devices[i].name, target->get(), devices[i].new_name);
    }
    return part;
}

Result<> enter_class(const plan::LaunchPlan& plan, pid_t pid) {
    if (!plan.rdt) return {};
    const auto root = TRY(open_resctrl());
    return enter_resctrl(root, *plan.rdt, plan.id, pid);
}

}  // namespace

bool has_parents_part(const Context& context) {
    return context.in_user_namespace || !context.plan->net_devices.empty() || context.plan->rdt;
}

Part do_parents_part(const Context& context, pid_t pid) {
    if (context.in_user_namespace)
        if (auto part = prepare_in_user_namespace(*context.plan, pid); !part.result) return part;
    if (context.cgroup >= 0)
        if (auto placed = kernel::add_process(CgroupFd(context.cgroup), pid); !placed)
            return {step_number("placement"), std::move(placed)};
    // The class first: it is easily left, and an interface that has moved is not easily brought back.
    if (auto entered = enter_class(*context.plan, pid); !entered) return {step_number("resctrl"), std::move(entered)};
    return move_net_devices(context, pid);
}

}  // namespace xctl::launch
