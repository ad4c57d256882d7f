// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/payload_cgroup.hpp"

#include <fcntl.h>

#include <algorithm>

#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "lib/kernel/file.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"

namespace xctl::run {
namespace {

/// The kernel takes paths of 4096 bytes at the most, and the unit's own comes before this.
constexpr std::size_t kLongPath = 2048;

}  // namespace

attachment::Task PayloadCgroup::recover(const attachment::Scene& scene) {
    return {[this, pid = scene.init]() -> Result<> {
        open_of(pid);
        return {};
    }};
}

attachment::Task PayloadCgroup::placed(const attachment::Scene& scene) {
    return {[this, scene] { return place(scene); }};
}

attachment::Task PayloadCgroup::ended(const attachment::Scene&) {
    if (!directory_) return {};
    return {[this] { return remove_long_cgroups(); }};
}

void PayloadCgroup::open_of(pid_t pid) {
    if (directory_ || setup_.enter) return;
    const auto path = launch::find_cgroup_in(setup_.unit, pid);
    if (!path) return;
    if (auto opened = kernel::open_cgroup(launch::payload_path_of(*path))) directory_ = std::move(*opened);
}

/// In a unit, systemd and its launcher have moved the process already.
Result<> PayloadCgroup::place(const attachment::Scene& scene) {
    if (setup_.enter) return setup_.enter(scene.init, scene.keeper);
    if (setup_.placement == model::Placement::scope) {
        const auto path = TRY(launch::find_cgroup_in(setup_.unit, scene.init));
        const auto unit = TRY(kernel::open_cgroup(path), "open the scope's cgroup");
        directory_ = TRY(launch::prepare_payload(unit.get(), setup_.plan->cgroup, scene.keeper, programs_));
    }
    open_of(scene.init);
    return {};
}

Result<> PayloadCgroup::change_limits(const plan::Cgroup& limits) {
    // A controller that no limit has needed so far is not enabled yet.
    const auto unit = TRY(kernel::open_at(directory_.get(), "..", O_RDONLY | O_DIRECTORY), "open the unit's cgroup");
    auto controllers = TRY(kernel::read_controllers(unit.get()), "cgroup of the unit");
    std::erase_if(controllers, [&](const auto& name) { return !std::ranges::contains(limits.controllers, name); });
    TRY(kernel::enable_controllers(unit.get(), controllers), "enable cgroup controllers");
    return launch::apply_limits(directory_.get(), limits, programs_);
}

/// systemd removes a unit's cgroups by their paths, which fails when a path is too long. Only then xctld removes them:
/// systemd must hear from a scope's cgroup that it is empty, and would wait for that in vain once it was removed.
Result<> PayloadCgroup::remove_long_cgroups() {
    bool is_long = false;
    (void)kernel::visit_cgroups(directory_.get(), [&](int, const std::string& path) {
        is_long = path.size() > kLongPath;
        return !is_long;
    });
    if (!is_long) return {};
    TRY(kernel::remove_cgroups_below(directory_.get()));
    // systemd may have given up on this scope already; a unit's cgroup it may be using again.
    if (setup_.placement == model::Placement::scope) TRY(kernel::remove_parent_cgroup(directory_.get()));
    return {};
}

}  // namespace xctl::run
