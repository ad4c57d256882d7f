// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/live_root.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/context.hpp"
#include "lib/launch/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;
using raw::Subtree;

/// Of the host, since the container's mount namespace has no path to them. As at a launch they are the host's slaves:
/// what is mounted in the container never shows up there.
Result<> take_sources(const std::vector<plan::Mount>& mounts, Preparation& preparation) {
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        if (preparation.context.trees[i] >= 0) continue;
        const auto subtree = mounts[i].recursive ? Subtree::yes : Subtree::no;
        auto tree = TRY(kernel::lift_fd(raw::clone_tree(AT_FDCWD, mounts[i].source.c_str(), subtree), "open_tree"),
                        mounts[i].source);
        TRY(kernel::lift(raw::set_attributes(tree.get(), {.propagation = MS_SLAVE}, Subtree::yes), "mount_setattr"),
            mounts[i].source);
        preparation.context.trees[i] = tree.get();
        preparation.descriptors.push_back(std::move(tree));
    }
    return {};
}

/// Leaves the target.
void unmount(int root, const std::string& target) {
    const auto parent = raw::make_parent_in_root(root, target.c_str());
    const raw::Fd directory(parent.fd);
    if (directory.failed() || ::fchdir(directory.get()) < 0) return;
    (void)::umount2(parent.name, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/// Where nodes cannot be made, the host's is mounted on an empty file, which goes, too.
void remove_node(int root, const std::string& path) {
    unmount(root, path);
    const auto parent = raw::make_parent_in_root(root, path.c_str());
    const raw::Fd directory(parent.fd);
    struct stat info {};
    if (directory.failed() || ::fstatat(directory.get(), parent.name, &info, AT_SYMLINK_NOFOLLOW) < 0) return;
    const bool node = S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode) || (S_ISREG(info.st_mode) && info.st_size == 0);
    if (node) (void)::unlinkat(directory.get(), parent.name, 0);
}

/// Of the first `count` mounts, the last one first.
void undo_mounts(int root, const std::vector<plan::Mount>& mounts, std::size_t count) {
    while (count-- > 0) unmount(root, mounts[count].target);
}

Error failure_of(const Context& context, std::uint8_t step, int result) {
    const Message message{.kind = MessageKind::failed,
                          .step = step,
                          .call = static_cast<std::uint16_t>(raw::call_of(result)),
                          .error = raw::errno_of(result),
                          .index = context.index};
    return describe_failure(message, *context.plan);
}

Result<> make_all(Context& context, const RootChange& change) {
    if (const int result = mount_all(context); result < 0) {
        undo_mounts(context.root, change.mounts, static_cast<std::size_t>(context.index));
        return std::unexpected(failure_of(context, step_number("mount"), result));
    }
    const int result = make_devices(context);
    if (result >= 0) return {};
    for (auto made = static_cast<std::size_t>(context.index); made-- > 0;)
        remove_node(context.root, change.devices[made].path);
    undo_mounts(context.root, change.mounts, change.mounts.size());
    return std::unexpected(failure_of(context, step_number("device"), result));
}

/// With the user namespace, where the container has one: what is made on its file systems must have an owner there.
Result<> enter(int pidfd, bool user_namespace) {
    if (::setns(pidfd, user_namespace ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
        return fail_errno(errno, "join the container's mount namespace");
    if (user_namespace && (::setresgid(0, 0, 0) < 0 || ::setresuid(0, 0, 0) < 0))
        return fail_errno(errno, "become the container's root");
    ::umask(0);
    return {};
}

}  // namespace

Result<> change_live_root(int pidfd, const RootChange& change) {
    plan::LaunchPlan plan;
    plan.root.mounts = change.mounts;
    plan.root.devices = change.devices;
    auto preparation = TRY(prepare(plan));
    TRY(take_sources(plan.root.mounts, preparation));
    TRY(enter(pidfd, change.user_namespace));
    // The namespace's root has become ours.
    const raw::Fd root(raw::call<SYS_openat>(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    TRY(kernel::lift(root.get(), "open the container's root"));
    preparation.context.root = root.get();
    for (const auto& target : change.gone_mounts) unmount(root.get(), target);
    for (const auto& path : change.gone_nodes) remove_node(root.get(), path);
    return make_all(preparation.context, change);
}

}  // namespace xctl::launch
