// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/privileges.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "lib/base/fd.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::runtime {

namespace {

/// Only the first user namespace maps every number to itself, user_namespaces(7).
bool is_first_user_namespace() {
    const auto map = kernel::read_file_at(kCurrentDirectory, "/proc/self/uid_map");
    return map && map->ends_with(" 4294967295\n") && map->find_first_not_of(" 0\n") == map->find("4294967295");
}

}  // namespace

bool is_host_root() {
    // We change neither our user nor our user namespace, and every verb asks several times.
    static const bool answer = ::geteuid() == 0 && is_first_user_namespace();
    return answer;
}

bool is_rootless(const Arguments& arguments) {
    if (arguments.rootless == "true") return true;
    return arguments.rootless != "false" && !is_host_root();
}

}  // namespace xctl::runtime
