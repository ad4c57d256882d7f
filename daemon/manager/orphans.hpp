// SPDX-License-Identifier: LGPL-2.1-or-later
// Units in xctl.slice that hold processes of a container, whatever we know of that. Found in the cgroup hierarchy,
// cgroups(7), since that is what the processes are in.
#pragma once

#include <string>
#include <vector>

#include "daemon/model/record.hpp"

namespace xctl::manager {

struct PopulatedUnit {
    std::string unit;
    std::string container;
    model::Placement placement = model::Placement::scope;
};

/// Every xctl-NAME.scope with a process, and every oci@NAME.service with one in `payload`: what is in `supervisor` only
/// is xctl-launch, which is about to ask for a container. Empty without a slice.
[[nodiscard]] std::vector<PopulatedUnit> list_populated_units();

}  // namespace xctl::manager
