// SPDX-License-Identifier: LGPL-2.1-or-later
// Steps that make the container's root, protect parts of it, and change into it.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <climits>
#include <cstring>
#include <utility>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;
using raw::Subtree;

constexpr unsigned kNullMajor = 1, kNullMinor = 3;
constexpr std::uint64_t kMaskAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

bool is_shared(const plan::Root& root) { return (root.propagation & MS_SHARED) != 0; }

bool is_missing(int result) { return raw::errno_of(result) == ENOENT || raw::errno_of(result) == ENOTDIR; }

/// The mount that shows `path` in our namespace must not pass on what we attach below it to its peers.
int make_parent_private(const char* path) {
    char at[PATH_MAX];
    if (std::strlen(path) >= sizeof at) return raw::failure(ENAMETOOLONG);
    std::strcpy(at, path);
    while (true) {
        struct statx info{};
        const int result = raw::call<SYS_statx>(AT_FDCWD, at, AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &info);
        if (result < 0) return result;
        if ((info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
            return raw::call<SYS_mount>(nullptr, at, nullptr, MS_PRIVATE, nullptr);
        char* const slash = std::strrchr(at, '/');
        if (slash == nullptr) return raw::failure(EINVAL);
        slash[slash == at ? 1 : 0] = '\0';
    }
}

/// What a masked path gets, by what is there.
int make_mask(Context& context, int target) {
    struct stat info{};
    if (const int result = raw::call<SYS_fstat>(target, &info); result < 0) return result;
    if (!S_ISDIR(info.st_mode)) return raw::clone_tree(context.null_device, nullptr, Subtree::no);
    // A kernel below 6.15 copies only what is attached, so the first one is used as it is.
    if (context.empty_directory >= 0) return raw::clone_tree(context.empty_directory, nullptr, Subtree::no);
    const raw::Fd filesystem(raw::open_filesystem("tmpfs"));
    if (filesystem.failed()) return filesystem.get();
    context.empty_directory = raw::mount_context(filesystem.get());
    if (context.empty_directory < 0) return context.empty_directory;
    const int result = raw::set_attributes(context.empty_directory, {.set = kMaskAttributes}, Subtree::no);
    return result < 0 ? result : raw::call<SYS_fcntl>(context.empty_directory, F_DUPFD_CLOEXEC, 3);
}

int mask_path(Context& context, const std::string& path) {
    const raw::Fd target(raw::open_in_root(context.root, path.c_str(), O_PATH));
    if (is_missing(target.get())) return 0;
    if (target.failed()) return target.get();
    const raw::Fd mask(make_mask(context, target.get()));
    return mask.failed() ? mask.get() : raw::attach_mount(mask.get(), target.get());
}

int protect_path(Context& context, const std::string& path) {
    const raw::Fd target(raw::open_in_root(context.root, path.c_str(), O_PATH));
    if (is_missing(target.get())) return 0;
    if (target.failed()) return target.get();
    const raw::Fd tree(raw::clone_tree(target.get(), nullptr, Subtree::yes));
    if (tree.failed()) return tree.get();
    const int result = raw::set_attributes(tree.get(), {.set = MOUNT_ATTR_RDONLY}, Subtree::yes);
    return result < 0 ? result : raw::attach_mount(tree.get(), target.get());
}

int write_sysctl(Context& context, const plan::FileWrite& row) {
    const raw::Fd directory(raw::open_beneath(context.safe_proc, "sys", O_PATH | O_DIRECTORY));
    if (directory.failed()) return directory.get();
    const raw::Fd file(raw::open_beneath(directory.get(), row.file.c_str(), O_WRONLY));
    if (file.failed()) return file.get();
    const int written = raw::call<SYS_write>(file.get(), row.value.c_str(), row.value.size());
    return written < 0 ? written : 0;
}

/// Detaches the old root, which pivot_root(2) has put on top of the new one.
int leave_old_root(Context& context, int old_root) {
    if (is_shared(context.plan->root)) {
        // The detaching below must not reach the host.
        const int result = raw::set_attributes(old_root, {.propagation = MS_SLAVE}, Subtree::yes);
        if (result < 0) return result;
    }
    return raw::call<SYS_umount2>(".", MNT_DETACH);
}

/// What is below stays mounted and out of reach, as after switch_root(8): ".." of the new root leads to itself. But the
/// kernel lets who sees a whole procfs or sysfs anywhere mount another one, without what masks the container's.
int move_root() {
    for (const char* whole : {"/proc", "/sys"}) {
        const int gone = raw::call<SYS_umount2>(whole, MNT_DETACH);
        if (gone < 0 && raw::errno_of(gone) != EINVAL && raw::errno_of(gone) != ENOENT) return gone;
    }
    const int result = raw::call<SYS_mount>(".", "/", nullptr, MS_MOVE, nullptr);
    return result < 0 ? result : raw::call<SYS_chroot>(".");
}

int pivot_root(Context& context) {
    const raw::Fd old_root(
        is_shared(context.plan->root) ? raw::call<SYS_openat>(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
    const int result = raw::call<SYS_pivot_root>(".", ".");
    return result < 0 ? result : leave_old_root(context, old_root.get());
}

int set_root_propagation(Context& context) {
    const auto wanted = context.plan->root.propagation & ~static_cast<std::uint64_t>(MS_REC);
    if (wanted == 0 || wanted == MS_PRIVATE) return 0;
    const bool subtree = (context.plan->root.propagation & MS_REC) != 0;
    return raw::set_attributes(context.root, {.propagation = wanted}, subtree ? Subtree::yes : Subtree::no);
}

}  // namespace

int isolate_mounts(Context& context) {
    if (context.mounts != Mounts::own) return 0;
    const auto& root = context.plan->root;
    // A shared root keeps the host's peer groups, so that its bind mounts can propagate; attach_root() takes care
    // of what must not. All else is cut off from the host completely.
    std::uint64_t flags = MS_REC | MS_SLAVE;
    if (is_shared(root)) flags = root.propagation;
    if ((root.propagation & (MS_PRIVATE | MS_UNBINDABLE)) != 0) flags = MS_REC | MS_PRIVATE;
    return raw::call<SYS_mount>(nullptr, "/", nullptr, flags, nullptr);
}

/// Nothing can be mounted over the files of a procfs that is mounted nowhere. In a user namespace the kernel may
/// refuse a new one; then a copy of the host's is used, whose own mount points open_beneath() does not cross.
int open_safe_proc(Context& context) {
    if (context.plan->sysctls.empty()) return 0;
    const raw::Fd filesystem(raw::open_filesystem("proc"));
    context.safe_proc = filesystem.failed() ? filesystem.get() : raw::mount_context(filesystem.get());
    if (raw::errno_of(context.safe_proc) == EPERM)
        context.safe_proc = raw::clone_tree(AT_FDCWD, "/proc", Subtree::yes);
    return context.safe_proc < 0 ? context.safe_proc : 0;
}

/// Verified here, while /dev is still the host's: a container's image may have anything in its place.
int open_null_device(Context& context) {
    if (context.mounts == Mounts::entered) return 0;
    context.null_device = raw::call<SYS_openat>(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (context.null_device < 0) return context.null_device;
    struct stat info{};
    if (const int result = raw::call<SYS_fstat>(context.null_device, &info); result < 0) return result;
    const bool is_null =
        S_ISCHR(info.st_mode) && major(info.st_rdev) == kNullMajor && minor(info.st_rdev) == kNullMinor;
    return is_null ? 0 : raw::failure(ENODEV);
}

int attach_root(Context& context) {
    const auto& root = context.plan->root;
    const char* const path = root.path.c_str();
    if (context.root_source < 0)
        context.root_source = raw::call<SYS_openat>(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (context.root_source < 0) return context.root_source;
    if (context.mounts == Mounts::entered) {
        context.root = std::exchange(context.root_source, -1);
        return 0;
    }
    if (is_shared(root) && context.mounts == Mounts::own)
        if (const int result = make_parent_private(path); result < 0) return result;
    context.root = raw::clone_tree(context.root_source, nullptr, Subtree::yes);
    if (context.root < 0) return context.root;
    // pivot_root(2) refuses a shared root; change_root() shares it again. On the host nothing may go any further.
    const bool on_host = context.mounts == Mounts::host;
    const Subtree cut = on_host ? Subtree::yes : Subtree::no;
    if (is_shared(root) || on_host)
        if (const int result = raw::set_attributes(context.root, {.propagation = MS_PRIVATE}, cut); result < 0)
            return result;
    return raw::attach_mount(context.root, context.root_source);
}

int set_root_read_only(Context& context) {
    if (!context.plan->root.read_only) return 0;
    // The working directory may be missing, and can still be made.
    raw::close(raw::make_in_root(context.root, context.plan->process.cwd.c_str(), raw::NodeType::directory, 0755));
    // It would be the host's mount.
    if (context.mounts == Mounts::entered) return raw::failure(EOPNOTSUPP);
    return raw::set_attributes(context.root, {.set = MOUNT_ATTR_RDONLY}, Subtree::no);
}

int mask_paths(Context& context) {
    return for_each(context, context.plan->root.masked_paths, mask_path);
}

int protect_paths(Context& context) {
    return for_each(context, context.plan->root.read_only_paths, protect_path);
}

int write_sysctls(Context& context) {
    return for_each(context, context.plan->sysctls, write_sysctl);
}

int change_root(Context& context) {
    if (const int result = raw::call<SYS_fchdir>(context.root); result < 0) return result;
    if (context.mounts != Mounts::own) {
        const int result = raw::call<SYS_chroot>(".");
        return result < 0 ? result : raw::call<SYS_chdir>("/");
    }
    if (const int result = context.plan->root.no_pivot ? move_root() : pivot_root(context); result < 0) return result;
    if (const int result = set_root_propagation(context); result < 0) return result;
    return raw::call<SYS_chdir>("/");
}

}  // namespace xctl::launch
