// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernel's flag of each kind of namespace.
#pragma once

#include <sched.h>

#include "lib/plan/plan.hpp"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace xctl::launch {

constexpr int clone_flag(plan::NamespaceKind kind) {
    switch (kind) {
        case plan::NamespaceKind::user: return CLONE_NEWUSER;
        case plan::NamespaceKind::pid: return CLONE_NEWPID;
        case plan::NamespaceKind::network: return CLONE_NEWNET;
        case plan::NamespaceKind::mount: return CLONE_NEWNS;
        case plan::NamespaceKind::ipc: return CLONE_NEWIPC;
        case plan::NamespaceKind::uts: return CLONE_NEWUTS;
        case plan::NamespaceKind::cgroup: return CLONE_NEWCGROUP;
        case plan::NamespaceKind::time: return CLONE_NEWTIME;
    }
    return 0;
}

}  // namespace xctl::launch
