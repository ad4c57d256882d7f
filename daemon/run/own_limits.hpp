// SPDX-License-Identifier: LGPL-2.1-or-later
// Protection of xctld that must not reach its children: prctl(2), getrlimit(2), proc_pid_oom_score_adj(5).
//
// The unit gives xctld a low OOM score, many descriptors and a limit of its own memory (units/xctld.service). Everything
// that it starts, and all containers among that, would inherit them.
#pragma once

#include <sys/types.h>

#include "lib/base/result.hpp"

namespace xctl::run {

/// Makes this process one that is not dumpable, so that no other user's process reads its memory and none of it gets
/// into a core file, and that can make no memory executable that was writable. A program that it executes has neither;
/// a fork keeps only the first. Kernels before Linux 6.6 know the second only for children, too, and go without it.
Result<> protect_self();

/// Gives a child back what a service has by default, as far as our unit changes it: an OOM score of 0 if it is lower,
/// the soft limits of descriptors and of memory. The child may be ourselves, after a fork, or one that was just started.
Result<> give_usual_limits(pid_t child);

}  // namespace xctl::run
