// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/live_root.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/init/context.hpp"
#include "lib/launch/init/steps.hpp"
#include "lib/launch/parent/failure_text.hpp"
#include "lib/launch/parent/prepare.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;
using raw::Subtree;

constexpr int kMountTries = 20;

/// Of the host, since the container's mount namespace has no path to them. As at a launch they are the host's slaves:
/// what is mounted in the container never shows up there.
Result<> take_sources(const plan::LaunchPlan& plan, bool user_namespace, Preparation& preparation) {
    const auto& mounts = plan.root.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        if (preparation.context.trees[i] >= 0) continue;
        auto tree = TRY(clone_host_source(plan.root, mounts[i]), mounts[i].source);
        if (user_namespace) preparation.context.kept[i] = TRY(read_locks(tree.get()), mounts[i].source);
        preparation.context.trees[i] = tree.get();
        preparation.descriptors.push_back(std::move(tree));
    }
    return {};
}

/// Detaches mounts by their descriptors. umount2(2) takes paths only; those of the host's /proc/self/fd lead to what is
/// open, whatever the container does with its names.
class Detacher {
public:
    /// While the host's /proc can be reached.
    static Result<Detacher> make() {
        Detacher out;
        out.numbers_ = TRY(kernel::lift_fd(
            raw::call<SYS_openat>(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC), "open /proc/self/fd"));
        return out;
    }

    /// One that is mounted no more, perhaps since what it was mounted on went, is no failure.
    [[nodiscard]] Result<> detach(int mount) const {
        TRY(kernel::lift(raw::call<SYS_fchdir>(numbers_.get()), "fchdir"));
        const int result = raw::call<SYS_umount2>(std::to_string(mount).c_str(), MNT_DETACH);
        return raw::errno_of(result) == EINVAL ? Result<>() : kernel::lift(result, "umount2");
    }

private:
    UniqueFd numbers_;
};

/// A descriptor of the root of this mount; empty when it is gone. The container may be renaming its parents.
Result<UniqueFd> open_mount(int root, std::uint64_t id) {
    for (int attempt = 0; attempt < kMountTries; ++attempt) {
        const auto point = kernel::read_mount_point(id);
        if (!point && point.error().sys_errno == ENOENT) return UniqueFd();
        UniqueFd found(raw::open_in_root_without_links(root, TRY(point).c_str(), O_PATH | O_NOFOLLOW));
        std::uint64_t there = 0;
        if (found && raw::read_mount_id(found.get(), &there) == 0 && there == id) return found;
    }
    return fail(Errc::launch_failed, "the container has covered or keeps moving what is mounted there");
}

Result<> add_gone(int root, const std::string& target, std::uint64_t id, std::vector<UniqueFd>& gone) {
    auto found = open_mount(root, id);
    if (!found) {
        Error error = std::move(found).error();
        error.step = "unmount";
        error.path = target;
        return std::unexpected(std::move(error).context("unmount " + target));
    }
    if (*found) gone.push_back(std::move(*found));
    return {};
}

Result<std::vector<UniqueFd>> find_gone(int root, const RootChange& change) {
    std::vector<UniqueFd> gone;
    for (const auto& [target, id] : change.gone_mounts) TRY(add_gone(root, target, id, gone));
    for (const auto& node : change.gone_nodes)
        if (node.mount) TRY(add_gone(root, node.device.path, *node.mount, gone));
    return gone;
}

/// The node that was made, or the empty file that was made to mount another one on; anything else is the container's.
bool is_ours(const struct stat& info, const plan::Device& device) {
    if (S_ISREG(info.st_mode)) return info.st_size == 0;
    return (info.st_mode & S_IFMT) == (device.mode & S_IFMT) &&
           info.st_rdev == makedev(device.major, device.minor);
}

/// A parent that the container has replaced by a link has no node in it any more.
void remove_node(int root, const plan::Device& device) {
    const auto slash = device.path.rfind('/');
    const auto parent = device.path.substr(0, slash == 0 || slash == std::string::npos ? 1 : slash);
    const auto name = device.path.substr(slash == std::string::npos ? 0 : slash + 1);
    const raw::Fd directory(raw::open_in_root_without_links(root, parent.c_str(), O_PATH | O_DIRECTORY));
    struct stat info {};
    if (directory.failed() || ::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) return;
    if (is_ours(info, device)) (void)::unlinkat(directory.get(), name.c_str(), 0);
}

Result<> remove_gone(int root, const RootChange& change, const Detacher& detacher) {
    const auto gone = TRY(find_gone(root, change));
    for (const auto& mount : gone) TRY(detacher.detach(mount.get()));
    for (const auto& node : change.gone_nodes) remove_node(root, node.device);
    return {};
}

/// Of the first `count` mounts, the last one first. One that was never attached is not in our namespace, and stays.
void undo_mounts(const Context& context, std::size_t count, const Detacher& detacher) {
    while (count-- > 0) (void)detacher.detach(context.trees[count]);
}

Error failure_of(const Context& context, std::uint8_t step, int result) {
    const Message message{.kind = MessageKind::failed,
                          .step = step,
                          .call = static_cast<std::uint16_t>(raw::call_of(result)),
                          .error = raw::errno_of(result),
                          .index = context.index};
    return describe_failure(message, *context.plan);
}

Result<> make_all(Context& context, const RootChange& change, const Detacher& detacher) {
    if (const int result = mount_all(context); result < 0) {
        auto error = failure_of(context, step_number("mount"), result);
        undo_mounts(context, static_cast<std::size_t>(context.index) + 1, detacher);
        return std::unexpected(std::move(error));
    }
    const int result = make_devices(context);
    if (result >= 0) return {};
    for (auto made = static_cast<std::size_t>(context.index); made-- > 0;)
        remove_node(context.root, change.devices[made]);
    undo_mounts(context, change.mounts.size(), detacher);
    return std::unexpected(failure_of(context, step_number("device"), result));
}

MountIds read_ids(const Context& context) {
    MountIds ids;
    const auto& mounts = context.plan->root.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        std::uint64_t id = 0;
        if (raw::read_mount_id(context.trees[i], &id) == 0) ids[mounts[i].target] = id;
    }
    return ids;
}

/// The container's processes must not trace us, least of all once we are in its user namespace. A change of ids makes
/// a process dumpable again where fs.suid_dumpable says so.
Result<> hide() {
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return fail_errno(errno, "hide from the container");
    return {};
}

/// With the user namespace, where the container has one: what is made on its file systems must have an owner there.
Result<> enter(PidFd pidfd, bool user_namespace) {
    TRY(hide());
    if (::setns(pidfd.get(), user_namespace ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
        return fail_errno(errno, "join the container's mount namespace");
    if (user_namespace && (::setresgid(0, 0, 0) < 0 || ::setresuid(0, 0, 0) < 0))
        return fail_errno(errno, "become the container's root");
    TRY(hide());
    ::umask(0);
    return {};
}

}  // namespace

Result<MountIds> change_live_root(PidFd pidfd, const RootChange& change) {
    plan::LaunchPlan plan;
    plan.root.path = change.root;
    plan.root.mounts = change.mounts;
    plan.root.devices = change.devices;
    auto preparation = TRY(prepare(plan));
    TRY(take_sources(plan, change.user_namespace, preparation));
    const auto detacher = TRY(Detacher::make());
    TRY(enter(pidfd, change.user_namespace));
    // The namespace's root has become ours.
    const raw::Fd root(raw::call<SYS_openat>(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    TRY(kernel::lift(root.get(), "open the container's root"));
    preparation.context.root = root.get();
    TRY(remove_gone(root.get(), change, detacher));
    TRY(make_all(preparation.context, change, detacher));
    return read_ids(preparation.context);
}

}  // namespace xctl::launch
