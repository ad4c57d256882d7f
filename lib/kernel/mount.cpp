// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/mount.hpp"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <climits>
#include <cstring>

namespace xctl::kernel::raw {
namespace {

constexpr std::uint64_t kAccessTimes = MOUNT_ATTR__ATIME;

}  // namespace

int open_filesystem(const char* fstype) { return call<SYS_fsopen>(fstype, FSOPEN_CLOEXEC); }

int set_parameter(int context, const char* key, const char* value) {
    const auto command = value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    return call<SYS_fsconfig>(context, command, key, value, 0);
}

int mount_context(int context) {
    const int result = call<SYS_fsconfig>(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
    return result < 0 ? result : call<SYS_fsmount>(context, FSMOUNT_CLOEXEC, 0);
}

int pick_filesystem(int mount) {
    return call<SYS_fspick>(mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
}

int change_filesystem(int context) {
    return call<SYS_fsconfig>(context, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0);
}

int clone_tree(int dir, const char* path, Subtree subtree) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if (path == nullptr) flags |= AT_EMPTY_PATH;
    if (subtree == Subtree::yes) flags |= AT_RECURSIVE;
    return call<SYS_open_tree>(dir, path == nullptr ? "" : path, flags);
}

int set_attributes(int mount, const MountAttributes& wanted, Subtree subtree) {
    mount_attr attributes{};
    attributes.attr_set = wanted.set;
    attributes.attr_clr = wanted.clear;
    // The access time modes are one field: the kernel wants it cleared as a whole before one of them is set.
    if (((wanted.set | wanted.clear) & kAccessTimes) != 0) attributes.attr_clr |= kAccessTimes;
    attributes.propagation = wanted.propagation;
    if (wanted.user_namespace >= 0) attributes.userns_fd = static_cast<std::uint64_t>(wanted.user_namespace);
    const unsigned flags = AT_EMPTY_PATH | (subtree == Subtree::yes ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
    return call<SYS_mount_setattr>(mount, "", flags, &attributes, sizeof attributes);
}

int attach_mount(int mount, int target) {
    return call<SYS_move_mount>(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int read_mount_id(int fd, std::uint64_t* id) {
    struct statx info{};
    const int result = call<SYS_statx>(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID_UNIQUE, &info);
    if (result < 0) return result;
    if ((info.stx_mask & STATX_MNT_ID_UNIQUE) == 0) return failure(EOPNOTSUPP, SYS_statx);
    *id = info.stx_mnt_id;
    return 0;
}

}  // namespace xctl::kernel::raw

namespace xctl::kernel {

Result<std::string> read_mount_point(std::uint64_t id) {
    mnt_id_req request{};
    request.size = MNT_ID_REQ_SIZE_VER0;
    request.mnt_id = id;
    request.param = STATMOUNT_MNT_POINT;
    alignas(statmount) std::array<char, sizeof(statmount) + PATH_MAX> answer{};
    TRY(lift(raw::call<SYS_statmount>(&request, answer.data(), answer.size(), 0), "statmount"));
    const auto* header = reinterpret_cast<const struct statmount*>(answer.data());
    if ((header->mask & STATMOUNT_MNT_POINT) == 0) return fail_errno(EOPNOTSUPP, "statmount");
    return std::string(header->str + header->mnt_point);
}

}  // namespace xctl::kernel
