// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace xctl::kernel {

void fill_standard_streams(int flags) {
    int fd = 0;
    do fd = ::open("/dev/null", O_RDWR | flags);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) ::close(fd);
}

}  // namespace xctl::kernel
