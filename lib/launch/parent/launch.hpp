// SPDX-License-Identifier: LGPL-2.1-or-later
// Executes a LaunchPlan: the parent's side.
//
// launch() clones the container's init and returns at once. From then on the init talks over its channel to
// whoever supervises it (channel.hpp): it sets itself up, asks to be placed in its cgroup, reports ready, waits
// for go and executes the program. If the other end of the channel is closed before go, it exits.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/launch/init_parent.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// Descriptors that the launch consumes, and what else the program takes over from us.
struct Descriptors {
    UniqueFd channel;              // SOCK_SEQPACKET, the init's end
    UniqueFd stdio[3];             // unused with a terminal
    OwnedCgroup cgroup;            // optional: the payload cgroup to be born in (CLONE_INTO_CGROUP)
    UniqueFd record_directory;     // Parent::keeper: where the file `exit` is written
    UniqueFd start;                // optional: a listening SOCK_SEQPACKET socket, see `hold` in channel.hpp
    bool placed = false;           // init is born where it belongs: it does not ask for a placement
    int preserved = 0;             // the program also gets our descriptors 3 and up, so many; each stays open on exec
    bool keep_keyring = false;     // our session keyring instead of a new one
};

/// Labels that the plan wants and this kernel has no module for, each "LABEL: why it has no effect".
[[nodiscard]] std::vector<std::string> list_idle_labels(const plan::LaunchPlan& plan);

struct Launched {
    pid_t pid = -1;           // of init, in our pid namespace
    OwnedPidFd pidfd;         // of init
    OwnedPidFd keeper_pidfd;  // Parent::keeper only
};

/// A plan that joins a mount namespace makes its root there, which becomes the root of whoever is in that namespace;
/// one that enters a running container finds its root there.
///
/// A descriptor that is to be preserved and is not open, or is closed on exec, is Errc::invalid_argument. The init's own
/// would take its number otherwise, and a path of the image could lead through them: execve(2) resolves it, by
/// /proc/self/fd, before it closes anything.
///
/// The calling process must be single-threaded. An error means that there is no init, and nothing is left behind but,
/// with Parent::keeper, a process of ours that exits by itself. Once init exists, whatever goes wrong is told over its
/// channel, also what this side does for it: writing id maps and raising limits.
///
/// A plan that joins a user namespace, or other namespaces beside its own new one, cannot be launched as a sibling
/// directly, since not everybody can leave them again: a helper process joins them, clones, and exits, so that init
/// becomes a child of the nearest subreaper or of PID 1. Its exit status is then known by PIDFD_GET_INFO only; use
/// Parent::keeper below Linux 6.15.
Result<Launched> launch(const plan::LaunchPlan& plan, Descriptors descriptors, Parent parent);

}  // namespace xctl::launch
