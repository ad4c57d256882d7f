// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/orphans.hpp"

#include "daemon/definition/unit_names.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"

namespace xctl::manager {
namespace {

constexpr std::string_view kSlice = "/xctl.slice";

bool is_populated(int slice, const std::string& path) {
    const auto cgroup = kernel::open_cgroup_at(slice, path);
    if (!cgroup) return false;
    const auto events = kernel::read_cgroup_events(cgroup->get());
    return events && events->populated;
}

}  // namespace

std::vector<PopulatedUnit> list_populated_units() {
    std::vector<PopulatedUnit> out;
    const auto slice = kernel::open_cgroup(kSlice);
    if (!slice) return out;
    for (const auto& unit : kernel::list_cgroups(slice->get()).value_or(std::vector<std::string>())) {
        if (const auto container = definition::container_of_scope(unit);
            !container.empty() && is_populated(slice->get(), unit))
            out.push_back({unit, std::string(container), model::Placement::scope});
        if (const auto container = definition::container_of_service(unit);
            !container.empty() && is_populated(slice->get(), unit + "/" + launch::kPayload))
            out.push_back({unit, std::string(container), model::Placement::unit});
    }
    return out;
}

}  // namespace xctl::manager
