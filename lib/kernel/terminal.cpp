// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/terminal.hpp"

#include <utility>

namespace xctl::kernel {

void RawMode::enter() noexcept {
    termios raw = before_;
    ::cfmakeraw(&raw);
    active_ = ::tcsetattr(fd_, TCSANOW, &raw) == 0;
}

void RawMode::leave() noexcept {
    if (std::exchange(active_, false)) ::tcsetattr(fd_, TCSANOW, &before_);
}

}  // namespace xctl::kernel
