// SPDX-License-Identifier: LGPL-2.1-or-later
// The choice of a parent for a container's init; a launch and the order for one share it.
#pragma once

namespace xctl::launch {

/// The parent of the container's init, which learns the exit status of the init from the kernel.
enum class Parent : unsigned char {
    sibling,  // CLONE_PARENT: our own parent. Exit status by waitid(2) there, or by PIDFD_GET_INFO (Linux 6.15)
    keeper,   // a process forked for this, itself CLONE_PARENT: waits and writes the exit record file
    child,    // the caller; when it exits, its nearest subreaper. Init shares the caller's memory until it executes the
              // program, and what it uses of that is never freed: for a process that launches little and ends
};

}  // namespace xctl::launch
