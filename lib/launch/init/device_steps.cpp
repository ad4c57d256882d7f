// SPDX-License-Identifier: LGPL-2.1-or-later
// Steps that make device nodes, links and the console.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/pty.hpp"
#include "lib/kernel/rights.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/init/steps.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;
using plan::Device;
using raw::Subtree;

constexpr mode_t kConsoleMode = 0600;

bool is_device(const struct stat& info, const Device& device) {
    if ((info.st_mode & S_IFMT) != (device.mode & S_IFMT)) return false;
    if (S_ISFIFO(info.st_mode)) return true;
    return major(info.st_rdev) == device.major && minor(info.st_rdev) == device.minor;
}

int stat_node(int directory, const char* name, struct stat* info) {
    return raw::call<SYS_newfstatat>(directory, name, info, AT_SYMLINK_NOFOLLOW);
}

/// An empty regular file to mount on; one that exists will do.
int make_mount_point(int directory, const char* name, mode_t mode) {
    const raw::Fd file(
        raw::call<SYS_openat>(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (file.failed() && raw::errno_of(file.get()) != EEXIST) return file.get();
    const int target = raw::call<SYS_openat>(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (target < 0) return target;
    struct stat info{};
    const int result = raw::call<SYS_fstat>(target, &info);
    if (result == 0 && !S_ISLNK(info.st_mode)) return target;
    raw::close(target);
    return result < 0 ? result : raw::failure(ELOOP);
}

int bind_tree(const Context& context, int tree, int directory, const char* name, const Device& device) {
    const raw::Fd target(make_mount_point(directory, name, device.mode & ALLPERMS));
    if (target.failed()) return target.get();
    // Nobody executes a device.
    int result = raw::set_attributes(tree, {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC}, Subtree::no);
    if (result >= 0) result = raw::attach_mount(tree, target.get());
    if (result < 0 || !device.reported || context.channel < 0) return result;
    return report_mount(context, step_number("device"), tree);
}

/// Where nodes cannot be made, as in a user namespace, the host's own node is shown, or one that the parent has made.
int bind_device(const Context& context, int directory, const char* name, const Device& device) {
    const auto row = static_cast<std::size_t>(context.index);
    const int made = row < context.device_trees.size() ? context.device_trees[row] : -1;
    if (made >= 0) return bind_tree(context, made, directory, name, device);
    const raw::Fd node(raw::call<SYS_openat>(AT_FDCWD, device.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (node.failed()) return node.get();
    struct stat info{};
    if (const int result = raw::call<SYS_fstat>(node.get(), &info); result < 0) return result;
    if (!is_device(info, device)) return raw::failure(ENODEV);
    const raw::Fd tree(raw::clone_tree(node.get(), nullptr, Subtree::no));
    return tree.failed() ? tree.get() : bind_tree(context, tree.get(), directory, name, device);
}

int make_node(const Context& context, int directory, const char* name, const Device& device) {
    const int made = raw::call<SYS_mknodat>(directory, name, device.mode, makedev(device.major, device.minor));
    if (raw::errno_of(made) == EPERM) return bind_device(context, directory, name, device);
    if (raw::errno_of(made) == EEXIST) {
        // The image may have it already; a node that is something else must not pass for it.
        struct stat info{};
        if (const int result = stat_node(directory, name, &info); result < 0) return result;
        return is_device(info, device) ? 0 : made;
    }
    if (made < 0 || (device.uid == 0 && device.gid == 0)) return made;
    return raw::call<SYS_fchownat>(directory, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW);
}

int make_device(Context& context, const Device& device) {
    const auto parent = raw::make_parent_in_root(context.root, device.path.c_str());
    const raw::Fd directory(parent.fd);
    return directory.failed() ? directory.get() : make_node(context, directory.get(), parent.name, device);
}

/// A file of procfs that this kernel lacks: a link to it would lead nowhere.
bool is_missing_in_proc(const Context& context, const std::string& target) {
    constexpr std::string_view kProc = "/proc/";
    if (!target.starts_with(kProc)) return false;
    return raw::errno_of(raw::call<SYS_faccessat>(context.proc, target.c_str() + kProc.size(), F_OK)) == ENOENT;
}

int make_link(Context& context, const plan::Symlink& link) {
    if (is_missing_in_proc(context, link.target)) return 0;
    const auto parent = raw::make_parent_in_root(context.root, link.path.c_str());
    const raw::Fd directory(parent.fd);
    if (directory.failed()) return directory.get();
    const int result = raw::call<SYS_symlinkat>(link.target.c_str(), directory.get(), parent.name);
    if (raw::errno_of(result) != EEXIST) return result;
    // A ptmx from the image would open terminals of whatever devpts it belongs to.
    if (std::strcmp(parent.name, "ptmx") != 0) return 0;
    if (const int removed = raw::call<SYS_unlinkat>(directory.get(), parent.name, 0); removed < 0) return removed;
    return raw::call<SYS_symlinkat>(link.target.c_str(), directory.get(), parent.name);
}

bool mounts_own_devpts(const plan::Root& root) {
    for (const auto& mount : root.mounts)
        if (mount.fstype == "devpts" && mount.target == "/dev/pts") return true;
    return false;
}

/// Whether the "/" of the paths that we resolve is the container's already.
bool is_in_containers_mounts(const Context& context) {
    return context.mounts == Mounts::entered &&
           find_namespace(*context.plan, plan::NamespaceKind::mount) != nullptr;
}

int open_devpts(Context& context) {
    if (mounts_own_devpts(context.plan->root) || is_in_containers_mounts(context))
        return raw::open_in_root(context.root, "/dev/pts", O_PATH | O_DIRECTORY);
    return raw::call<SYS_openat>(AT_FDCWD, "/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/// Not even as a link, by which an image might choose the host's.
bool lacks_devpts(const Context& context) {
    const raw::Fd name(raw::open_in_root(context.root, "/dev/pts", O_PATH | O_NOFOLLOW));
    return raw::errno_of(name.get()) == ENOENT;
}

/// One packet with the master as SCM_RIGHTS.
int send_console(Context& context, int master) {
    Message message{.kind = MessageKind::console};
    iovec data{.iov_base = &message, .iov_len = sizeof message};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    raw::Rights<1> rights;
    rights.put(header, {&master, 1});
    const int size = raw::call<SYS_sendmsg>(context.channel, &header, MSG_NOSIGNAL);
    return size < 0 ? size : 0;
}

int bind_console(Context& context) {
    const raw::Fd directory(raw::make_in_root(context.root, "/dev", raw::NodeType::directory, 0755));
    if (directory.failed()) return directory.get();
    const raw::Fd target(make_mount_point(directory.get(), "console", kConsoleMode));
    if (target.failed()) return target.get();
    const raw::Fd tree(raw::clone_tree(context.terminal, nullptr, Subtree::no));
    return tree.failed() ? tree.get() : raw::attach_mount(tree.get(), target.get());
}

}  // namespace

int make_devices(Context& context) { return for_each(context, context.plan->root.devices, make_device); }

int make_links(Context& context) { return for_each(context, context.plan->root.links, make_link); }

int open_console(Context& context) {
    const auto& process = context.plan->process;
    if (!process.terminal) return 0;
    const raw::Fd devpts(open_devpts(context));
    const bool has_none = devpts.failed() && context.devpts >= 0 && lacks_devpts(context);
    if (devpts.failed() && !has_none) return devpts.get();
    const raw::Fd master(raw::open_pty_master(has_none ? context.devpts : devpts.get()));
    if (master.failed()) return master.get();
    context.terminal = raw::open_pty_peer(master.get());
    if (context.terminal < 0) return context.terminal;
    if (process.rows > 0 && process.columns > 0) {
        const int result = raw::set_window_size(master.get(), {process.rows, process.columns});
        if (result < 0) return result;
    }
    // The program's user owns its terminal, as after a login. Not possible where the id is not mapped.
    raw::call<SYS_fchown>(context.terminal, process.uid, -1);
    // A running container has its console already.
    const int bound = context.plan->enters ? 0 : bind_console(context);
    if (bound < 0) return bound;
    return send_console(context, master.get());
}

}  // namespace xctl::launch
