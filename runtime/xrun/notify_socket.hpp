// SPDX-License-Identifier: LGPL-2.1-or-later
// sd_notify(3) out of a container: when $NOTIFY_SOCKET is set, the container gets a socket of its own at
// /run/notify/notify.sock, and READY=1 is passed on, in our name. Nothing else of the container reaches the manager.
#pragma once

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/plan/plan.hpp"
#include "runtime/xrun/state/container.hpp"

namespace xctl::runtime {

[[nodiscard]] bool has_notify_socket();

/// The directory of the socket, mounted into the container, and its name in the environment.
Result<> add_notify_directory(const Store& store, plan::LaunchPlan& plan);

/// To be read from, before the program can write.
Result<UniqueFd> bind_notify_socket(const Store& store);

/// What waits in the socket; true when the program said that it is ready, and the manager knows.
Result<bool> pass_on_readiness(int socket, pid_t pid);

/// Until the program is ready, or ends.
Result<> await_readiness(int socket, const Record& record);

}  // namespace xctl::runtime
