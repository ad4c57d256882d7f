// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/id_map_helper.hpp"

#include "lib/launch/hooks.hpp"

namespace xctl::launch {
namespace {

Result<> run_helper(const std::string& name, pid_t pid, const std::vector<plan::IdMap>& rows) {
    plan::Hook helper{.path = "/usr/bin/" + name, .args = {name, std::to_string(pid)}, .env = {}, .timeout = 0};
    for (const auto& row : rows)
        for (const auto number : {row.container_id, row.host_id, row.size})
            helper.args.push_back(std::to_string(number));
    return run_hook(helper, {});
}

}  // namespace

Result<> map_ids_by_helper(pid_t pid, const plan::LaunchPlan& plan) {
    TRY(run_helper("newuidmap", pid, plan.uid_map));
    return run_helper("newgidmap", pid, plan.gid_map);
}

}  // namespace xctl::launch
