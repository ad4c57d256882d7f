// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps a container from overwriting the launcher's file through /proc/PID/exe (CVE-2019-5736).
#pragma once

#include "lib/base/result.hpp"

namespace xctl::runtime {

/// A container whose program is /proc/self/exe, or a script with that interpreter, executes our own file and can
/// then reopen it. So the file must be executed from a read-only mount: unless it is already, this makes a detached
/// one of the file alone and executes it from there. Returns when nothing is left to do.
Result<> run_from_read_only_mount(char** argv);

}  // namespace xctl::runtime
