// SPDX-License-Identifier: LGPL-2.1-or-later
// What a container is made from; shared by create, run and restore.
#pragma once

#include <string>

#include "lib/oci/spec.hpp"
#include "lib/plan/plan.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/state/record.hpp"

namespace xctl::runtime {

struct Bundle {
    std::string path;
    std::string text;  // of config.json
    oci::Spec spec;
    plan::LaunchPlan plan;
};

/// A container without a process can be made and entered, but not started.
oci::Spec with_process(oci::Spec spec);

/// The bundle of the command line: read, checked and compiled.
Result<Bundle> load_bundle(const Arguments& arguments);

Record make_record(const Arguments& arguments, const Bundle& bundle, const Placement& placement);

}  // namespace xctl::runtime
