// SPDX-License-Identifier: LGPL-2.1-or-later
// The step that makes the plan's mounts, one after the other.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <climits>
#include <cstring>
#include <utility>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/launch/init/copy_up.hpp"
#include "lib/launch/init/offered_sources.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;
using plan::Mount;
using plan::MountKind;
using raw::NodeType;
using raw::Subtree;

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kTemporaryMode = 01777;
// Set when the tree was made, and not known to the other attributes' interface.
constexpr std::uint64_t kIdMap = MOUNT_ATTR_IDMAP;
constexpr std::uint64_t kAccessTime = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
constexpr std::uint64_t kFlags[] = {MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC,
                                    MOUNT_ATTR_NOSYMFOLLOW};
constexpr const char* kCgroupMounts[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

Subtree subtree_if(bool recursive) { return recursive ? Subtree::yes : Subtree::no; }

bool has_parameter(const Mount& mount, std::string_view key) {
    for (const auto& parameter : mount.parameters)
        if (parameter.key == key) return true;
    return false;
}

/// An octal number with its terminating null, for fsconfig(2).
struct Octal {
    explicit Octal(mode_t value) {
        do *--begin = static_cast<char>('0' + (value & 7));
        while ((value >>= 3) > 0);
    }
    char buffer[16] = {};
    char* begin = buffer + sizeof buffer - 1;
};

/// A tmpfs looks like the directory that it covers, unless the plan says otherwise.
int set_inherited_mode(int filesystem, const Mount& mount, int target) {
    if (mount.fstype != "tmpfs" || has_parameter(mount, "mode")) return 0;
    mode_t mode = kTemporaryMode;
    if (target >= 0) {
        struct stat info{};
        if (const int result = raw::call<SYS_fstat>(target, &info); result < 0) return result;
        mode = info.st_mode & ALLPERMS;
    }
    return raw::set_parameter(filesystem, "mode", Octal(mode).begin);
}

int set_parameters(int filesystem, const Mount& mount) {
    for (const auto& parameter : mount.parameters) {
        const char* const value = parameter.value ? parameter.value->c_str() : nullptr;
        if (const int result = raw::set_parameter(filesystem, parameter.key.c_str(), value); result < 0) return result;
    }
    return 0;
}

/// Those of the kernel's own objects have labels of their own.
bool takes_label(const char* fstype) {
    for (const char* other : {"proc", "sysfs", "mqueue", "cgroup2"})
        if (std::strcmp(fstype, other) == 0) return false;
    return true;
}

int make_filesystem(const Context& context, const Mount& mount, const char* fstype, int target) {
    const raw::Fd filesystem(raw::open_filesystem(fstype));
    if (filesystem.failed()) return filesystem.get();
    if (!mount.source.empty()) {
        const int result = raw::set_parameter(filesystem.get(), "source", mount.source.c_str());
        if (result < 0) return result;
    }
    if (const int result = set_parameters(filesystem.get(), mount); result < 0) return result;
    if (context.labels_mounts && takes_label(fstype) && !has_parameter(mount, "context")) {
        const char* const label = context.plan->root.mount_label.c_str();
        if (const int result = raw::set_parameter(filesystem.get(), "context", label); result < 0) return result;
    }
    if (const int result = set_inherited_mode(filesystem.get(), mount, target); result < 0) return result;
    return raw::mount_context(filesystem.get());
}

/// A copy of what the host has mounted there, if that is of this type, with the mounts below it: without them it would show
/// what they cover, which the kernel refuses in a user namespace. What the container may not do holds for them, too.
int clone_host_filesystem(const char* path, long type, const Mount& mount) {
    raw::Fd tree(raw::clone_tree(AT_FDCWD, path, Subtree::yes));
    if (tree.failed()) return tree.get();
    struct statfs info{};
    if (const int result = raw::call<SYS_fstatfs>(tree.get(), &info); result < 0) return result;
    if (info.f_type != type) return raw::failure(ENODEV);
    const int result = raw::set_attributes(tree.get(), {.set = mount.attr_set & ~kIdMap}, Subtree::yes);
    return result < 0 ? result : tree.release();
}

/// Without a cgroup namespace /proc/self/cgroup has paths of the whole hierarchy, so that is what the container sees. A
/// new mount of it would change options of the host's, such as nsdelegate.
int clone_host_cgroups(const Mount& mount) {
    int tree = raw::failure(ENOENT);
    for (const char* path : kCgroupMounts) {
        tree = clone_host_filesystem(path, CGROUP2_SUPER_MAGIC, mount);
        if (tree >= 0) break;
    }
    return tree;
}

int make_cgroup(Context& context, const Mount& mount, int target) {
    if (find_namespace(*context.plan, plan::NamespaceKind::cgroup) == nullptr) return clone_host_cgroups(mount);
    // The namespace is made when the container has been placed.
    const int result = ensure_placed(context);
    return result < 0 ? result : make_filesystem(context, mount, "cgroup2", target);
}

/// The kernel makes a sysfs only for whoever owns the network namespace. Everybody else gets the host's.
int make_sysfs(const Context& context, const Mount& mount, int target) {
    const int made = make_filesystem(context, mount, "sysfs", target);
    if (raw::errno_of(made) != EPERM) return made;
    const int tree = clone_host_filesystem("/sys", SYSFS_MAGIC, mount);
    return tree < 0 ? made : tree;
}

int make_new(const Context& context, const Mount& mount, int target) {
    if (mount.fstype == "sysfs") return make_sysfs(context, mount, target);
    return make_filesystem(context, mount, mount.fstype.c_str(), target);
}

int open_link(const char* path) {
    return raw::call<SYS_openat>(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/// 1 when the source is a symbolic link, which the container then has too; one that says the same may be there.
int copy_link(Context& context, const Mount& mount, std::size_t i) {
    const raw::Fd opened(context.sources[i] >= 0 ? -1 : open_link(mount.source.c_str()));
    const int source = context.sources[i] >= 0 ? context.sources[i] : opened.get();
    if (source < 0) return source;
    char text[PATH_MAX];
    const int size = raw::call<SYS_readlinkat>(source, "", text, sizeof text - 1);
    // With an empty path the kernel says so of all else.
    if (raw::errno_of(size) == ENOENT) return 0;
    if (size < 0) return size;
    text[size] = '\0';
    const auto parent = raw::make_parent_in_root(context.root, mount.target.c_str());
    const raw::Fd directory(parent.fd);
    if (directory.failed()) return directory.get();
    const int made = raw::call<SYS_symlinkat>(text, directory.get(), parent.name);
    if (raw::errno_of(made) != EEXIST) return made < 0 ? made : 1;
    char there[PATH_MAX];
    const int length = raw::call<SYS_readlinkat>(directory.get(), parent.name, there, sizeof there);
    return length == size && std::memcmp(text, there, static_cast<std::size_t>(size)) == 0 ? 1 : made;
}

int clone_source(Context& context, const Mount& mount, std::size_t i) {
    // Made by the parent: its owner closes that one.
    if (context.trees[i] >= 0) return raw::call<SYS_fcntl>(context.trees[i], F_DUPFD_CLOEXEC, 3);
    if (context.sources[i] >= 0) return raw::clone_tree(context.sources[i], nullptr, subtree_if(mount.recursive));
    const auto& root = context.plan->root;
    if (is_in_root(root, mount)) {
        const char* const inside = mount.source.c_str() + root.path.size();
        const raw::Fd source(raw::open_in_root(context.root, inside, source_flags(mount)));
        return source.failed() ? source.get() : raw::clone_tree(source.get(), nullptr, subtree_if(mount.recursive));
    }
    if (mount.source_link || mount.copy_link) {
        const raw::Fd source(open_link(mount.source.c_str()));
        return source.failed() ? source.get() : raw::clone_tree(source.get(), nullptr, subtree_if(mount.recursive));
    }
    return raw::clone_tree(AT_FDCWD, mount.source.c_str(), subtree_if(mount.recursive));
}

int make_detached(Context& context, const Mount& mount, std::size_t i, int target) {
    switch (mount.kind) {
        case MountKind::filesystem: return make_new(context, mount, target);
        case MountKind::bind: return clone_source(context, mount, i);
        case MountKind::cgroup: return make_cgroup(context, mount, target);
        case MountKind::change: break;
    }
    return raw::failure(EINVAL);
}

/// What other software looks for at these places must not be redirected by the image.
bool needs_real_directory(const Mount& mount) {
    return mount.fstype == "proc" || mount.fstype == "sysfs" || mount.target == "/proc" || mount.target == "/sys";
}

int node_type_of(int fd, NodeType* type) {
    struct stat info{};
    const int result = raw::call<SYS_fstat>(fd, &info);
    *type = S_ISDIR(info.st_mode) ? NodeType::directory : NodeType::file;
    return result;
}

/// Whether programs look there for the kernel's own files: in a procfs, or at the root of a sysfs.
int has_kernels_files(int target, bool* has) {
    struct statfs filesystem{};
    int result = raw::call<SYS_fstatfs>(target, &filesystem);
    *has = filesystem.f_type == PROC_SUPER_MAGIC;
    if (result < 0 || filesystem.f_type != SYSFS_MAGIC) return result;
    struct statx info{};
    result = raw::call<SYS_statx>(target, "", AT_EMPTY_PATH, 0, &info);
    *has = (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return result;
}

/// Takes the target over, and returns it or a failure. Where the kernel's files are, the path that the document names
/// has been checked, and a link of the image would lead past that.
int refuse_detour(const Context& context, const Mount& mount, int opened) {
    raw::Fd target(opened);
    bool has = false;
    const int result = target.failed() ? target.get() : has_kernels_files(target.get(), &has);
    if (result < 0 || !has) return result < 0 ? result : target.release();
    const int link = mount.target_link ? O_NOFOLLOW : 0;
    return raw::open_in_root_without_links(context.root, mount.target.c_str(), O_PATH | link);
}

int open_target(Context& context, const Mount& mount, int tree) {
    NodeType type{};
    if (const int result = node_type_of(tree, &type); result < 0) return result;
    const mode_t mode = type == NodeType::directory ? kDirectoryMode : kFileMode;
    const char* const path = mount.target.c_str();
    if (mount.target_link)
        return refuse_detour(context, mount, raw::make_in_root_without_following(context.root, path, type, mode));
    raw::Fd target(raw::make_in_root(context.root, path, type, mode));
    if (target.failed() || !needs_real_directory(mount)) return refuse_detour(context, mount, target.release());
    return raw::open_in_root_without_links(context.root, mount.target.c_str(), O_PATH | O_DIRECTORY);
}

/// An empty file system that nobody may write to is of no use: what is mounted or made below comes first.
bool is_protected_late(const Mount& mount) {
    return mount.kind == MountKind::filesystem && mount.fstype == "tmpfs" && (mount.attr_set & MOUNT_ATTR_RDONLY) != 0;
}

/// Nothing is changed where it is locked.
int change_unlocked(int tree, const raw::MountAttributes& wanted, Subtree subtree) {
    if ((wanted.set | wanted.clear) == 0) return 0;
    int result = raw::set_attributes(tree, wanted, subtree);
    // One locked mount below keeps the attribute of all.
    if (raw::errno_of(result) == EPERM && subtree == Subtree::yes)
        result = raw::set_attributes(tree, wanted, Subtree::no);
    return raw::errno_of(result) == EPERM ? 0 : result;
}

/// In a user namespace the flags that the host's mounts have are locked, and so is their access time. These stay; all else
/// becomes as it is wanted.
int change_attributes(int tree, const raw::MountAttributes& wanted, Subtree subtree) {
    if ((wanted.set | wanted.clear) == 0) return 0;
    int result = raw::set_attributes(tree, wanted, subtree);
    if (raw::errno_of(result) != EPERM) return result;
    // What confines the container is never locked against being set.
    result = raw::set_attributes(tree, {.set = wanted.set & ~kAccessTime}, subtree);
    for (const std::uint64_t flag : kFlags)
        if (result >= 0) result = change_unlocked(tree, {.clear = wanted.clear & flag}, subtree);
    const raw::MountAttributes access_time{.set = wanted.set & kAccessTime, .clear = wanted.clear & kAccessTime};
    return result < 0 ? result : change_unlocked(tree, access_time, subtree);
}

/// A tree that the parent made is idmapped already.
int map_ids(const Context& context, const Mount& mount, std::size_t i, int tree) {
    if (context.id_maps[i] < 0 || context.trees[i] >= 0) return 0;
    if (is_mapped_by_opener(context, i)) return map_ids_by_opener(context, i, tree);
    const bool all = (mount.rec_attr_set & kIdMap) != 0;
    return raw::set_attributes(tree, {.set = kIdMap, .user_namespace = context.id_maps[i]}, subtree_if(all));
}

int set_mount_attributes(Context& context, const Mount& mount, std::size_t i, int tree) {
    if (const int result = map_ids(context, mount, i, tree); result < 0) return result;
    const std::uint64_t later = is_protected_late(mount) ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0;
    const std::uint64_t kept = context.kept[i], unset = kIdMap | later | (kept & kAccessTime);
    const raw::MountAttributes own{.set = mount.attr_set & ~unset,
                                   .clear = (mount.attr_clear | mount.attr_default) & ~kept};
    if (const int result = change_attributes(tree, own, Subtree::no); result < 0) return result;
    const raw::MountAttributes all{.set = mount.rec_attr_set & ~(kIdMap | (kept & kAccessTime)),
                                   .clear = mount.rec_attr_clear & ~kept};
    return change_attributes(tree, all, Subtree::yes);
}

int set_propagation(const Mount& mount, int tree) {
    const auto wanted = mount.propagation & ~static_cast<std::uint64_t>(MS_REC);
    if (wanted == 0) return 0;
    const bool recursive = mount.recursive_propagation || (mount.propagation & MS_REC) != 0;
    return raw::set_attributes(tree, {.propagation = wanted}, subtree_if(recursive));
}

int check_mount_point(int target) {
    struct statx info{};
    const int result = raw::call<SYS_statx>(target, "", AT_EMPTY_PATH, 0, &info);
    if (result < 0) return result;
    return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? 0 : raw::failure(EINVAL);
}

/// Only the root of a mount can be changed; the kernel itself says nothing when there is nothing to change.
int change_row(Context& context, const Mount& mount, std::size_t i) {
    const raw::Fd target(
        refuse_detour(context, mount, raw::open_in_root(context.root, mount.target.c_str(), O_PATH)));
    if (target.failed()) return target.get();
    if (const int result = check_mount_point(target.get()); result < 0) return result;
    if (!mount.parameters.empty()) {
        const raw::Fd filesystem(raw::pick_filesystem(target.get()));
        if (filesystem.failed()) return filesystem.get();
        if (const int result = set_parameters(filesystem.get(), mount); result < 0) return result;
        if (const int result = raw::change_filesystem(filesystem.get()); result < 0) return result;
    }
    if (const int result = set_mount_attributes(context, mount, i, target.get()); result < 0) return result;
    return set_propagation(mount, target.get());
}

int make_mount(Context& context, const Mount& mount, std::size_t i) {
    if (mount.kind == MountKind::change) return change_row(context, mount, i);
    if (mount.copy_link)
        if (const int result = copy_link(context, mount, i); result != 0) return result < 0 ? result : 0;
    const raw::Fd covered(raw::open_in_root(context.root, mount.target.c_str(), O_PATH));
    raw::Fd tree(make_detached(context, mount, i, covered.get()));
    if (tree.failed()) return tree.get();
    const raw::Fd target(open_target(context, mount, tree.get()));
    if (target.failed()) return target.get();
    if (mount.copy_up)
        if (const int result = copy_up(context.proc, context.copy_levels, target.get(), tree.get()); result < 0)
            return result;
    if (const int result = set_mount_attributes(context, mount, i, tree.get()); result < 0) return result;
    if (const int result = raw::attach_mount(tree.get(), target.get()); result < 0) return result;
    if (const int result = set_propagation(mount, tree.get()); result < 0) return result;
    // A running container that is being changed has no channel.
    if (mount.reported && context.channel >= 0)
        if (const int result = report_mount(context, step_number("mount"), tree.get()); result < 0) return result;
    // The descriptor stays the mount's, whatever is made of its path meanwhile.
    if (is_protected_late(mount)) context.sources[i] = tree.release();
    return 0;
}

/// Nothing that leads to the source is left.
int mount_row(Context& context, const Mount& mount, std::size_t i) {
    const raw::Fd source(is_protected_late(mount) ? -1 : context.sources[i]);
    return make_mount(context, mount, i);
}

}  // namespace

int protect_mounts(Context& context) {
    const auto& mounts = context.plan->root.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        if (!is_protected_late(mounts[i])) continue;
        context.index = static_cast<int>(i);
        const raw::Fd tree(context.sources[i]);
        const int result = raw::set_attributes(tree.get(), {.set = MOUNT_ATTR_RDONLY}, Subtree::no);
        if (result < 0) return result;
    }
    return 0;
}

int mount_all(Context& context) {
    const auto& mounts = context.plan->root.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        context.index = static_cast<int>(i);
        if (const int result = mount_row(context, mounts[i], i); result < 0) return result;
    }
    // The opener has no more to do.
    raw::close(std::exchange(context.gate, -1));
    return 0;
}

}  // namespace xctl::launch
