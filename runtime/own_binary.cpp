// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/own_binary.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/raw.hpp"

namespace xctl::runtime {
namespace {

namespace raw = kernel::raw;

constexpr const char* kOwnFile = "/proc/self/exe";

}  // namespace

Result<> run_from_read_only_mount(char** argv) {
    struct statvfs info{};
    if (::statvfs(kOwnFile, &info) < 0) return fail_errno(errno, "statvfs of /proc/self/exe");
    if ((info.f_flag & ST_RDONLY) != 0) return {};
    const auto file = TRY(kernel::lift_fd(raw::clone_tree(AT_FDCWD, kOwnFile, raw::Subtree::no), "open_tree"));
    TRY(kernel::lift(raw::set_attributes(file.get(), {.set = MOUNT_ATTR_RDONLY}, raw::Subtree::no),
                     "mount_setattr"));
    return kernel::lift(raw::call<SYS_execveat>(file.get(), "", argv, ::environ, AT_EMPTY_PATH), "execveat");
}

}  // namespace xctl::runtime
