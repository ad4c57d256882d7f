// SPDX-License-Identifier: LGPL-2.1-or-later
// Pseudo terminals of a given devpts instance: pts(4), ioctl_tty(2).
#pragma once

#include <cstdint>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel {

struct WindowSize {
    std::uint16_t rows = 0, columns = 0;
    bool operator==(const WindowSize&) const = default;
};

Result<> set_window_size(int tty, WindowSize size);
Result<WindowSize> read_window_size(int tty);

namespace raw {

/// A new, unlocked master from the ptmx of `devpts`, a directory that must be the root of a devpts.
int open_pty_master(int devpts);

/// The other end, found without a path: nothing in the container's file system can redirect it.
int open_pty_peer(int master);

int set_window_size(int tty, WindowSize size);

}  // namespace raw
}  // namespace xctl::kernel
