// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/base/result.hpp"

#include <cstring>

namespace xctl {

std::string errno_text(int sys_errno) {
    char buffer[128];
    return strerror_r(sys_errno, buffer, sizeof buffer);
}

std::unexpected<Error> fail_errno(int sys_errno, std::string_view what, Errc code) {
    return std::unexpected(Error{code, sys_errno, std::string(what) + ": " + errno_text(sys_errno), {}, {}});
}

}  // namespace xctl
