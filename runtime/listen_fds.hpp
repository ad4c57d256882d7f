// SPDX-License-Identifier: LGPL-2.1-or-later
// Sockets that systemd has opened for a program, sd_listen_fds(3): whoever was started with them for a container passes
// them on.
#pragma once

#include "lib/plan/plan.hpp"

namespace xctl::runtime {

/// How many descriptors from 3 on $LISTEN_FDS says were passed to this process; 0 unless $LISTEN_PID names it, as in
/// sd_listen_fds(3): without that they may have been meant for a process from which we inherited the variable.
[[nodiscard]] int count_listen_fds();

/// Tells the program of them. They are for the first process of a PID namespace.
void announce_listen_fds(plan::Process& process, int count);

}  // namespace xctl::runtime
