// SPDX-License-Identifier: LGPL-2.1-or-later
// Random numbers of the kernel: getrandom(2).
#pragma once

#include <cstdint>

namespace xctl::kernel {

/// 64 random bits. getrandom(2) does not fail for so few bytes once the pool is initialized, which it is when systemd
/// starts services.
[[nodiscard]] std::uint64_t random_bits();

}  // namespace xctl::kernel
