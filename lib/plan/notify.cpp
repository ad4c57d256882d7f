// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/plan/notify.hpp"

#include <sys/mount.h>

#include <utility>

#include "lib/plan/environment.hpp"

namespace xctl::plan {
namespace {

constexpr const char* kInside = "/run/notify";

}  // namespace

void add_notify_directory(LaunchPlan& plan, std::string directory) {
    Mount mount;
    mount.kind = MountKind::bind;
    mount.source = std::move(directory);
    mount.target = kInside;
    // A socket takes messages through a read-only mount, too. The directory lies in the host's /run, which the payload
    // must neither fill nor change.
    mount.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    mount.propagation = MS_PRIVATE;
    plan.root.mounts.push_back(std::move(mount));
    set_env(plan.process.env, std::string("NOTIFY_SOCKET=") + kInside + "/" + kNotifySocketName);
}

}  // namespace xctl::plan
