// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/random.hpp"

#include <sys/random.h>

namespace xctl::kernel {

std::uint64_t random_bits() {
    std::uint64_t bits = 0;
    [[maybe_unused]] const auto size = ::getrandom(&bits, sizeof bits, 0);
    return bits;
}

}  // namespace xctl::kernel
