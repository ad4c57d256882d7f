// SPDX-License-Identifier: LGPL-2.1-or-later
// pause and resume: the freezer of the container's cgroup.
#include <poll.h>

#include "lib/kernel/cgroup.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

constexpr int kTries = 2000;
constexpr int kInterval = 1;

/// Freezing takes as long as the slowest process needs to leave the kernel.
Result<> freeze(const Record& record, bool frozen) {
    const auto cgroup = TRY(open_group(record.cgroup));
    TRY(kernel::set_frozen(cgroup, frozen));
    for (int i = 0; i < kTries; ++i) {
        if (TRY(kernel::read_cgroup_events(cgroup)).frozen == frozen) return {};
        ::poll(nullptr, 0, kInterval);
    }
    if (frozen) TRY(kernel::set_frozen(cgroup, false));
    return fail(Errc::timeout, "unable to freeze");
}

}  // namespace

Result<int> verb_pause(const Arguments& arguments) {
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::yes));
    const auto status = status_of(container);
    if (status != oci::Status::running && status != oci::Status::created)
        return fail(Errc::wrong_state, "container not running or created: " + std::string(oci::to_string(status)));
    TRY(freeze(container.record, true));
    return 0;
}

Result<int> verb_resume(const Arguments& arguments) {
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::yes));
    if (status_of(container) != oci::Status::paused) return fail(Errc::wrong_state, "container not paused");
    TRY(freeze(container.record, false));
    return 0;
}

}  // namespace xctl::runtime
