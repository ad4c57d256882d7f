// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/prepare.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/mount.hpp"
#include "lib/kernel/namespaces.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/clone_flags.hpp"
#include "lib/launch/parent/id_map_text.hpp"
#include "lib/launch/parent/launch.hpp"
#include "lib/launch/parent/source_opener.hpp"
#include "lib/launch/parent/spawn.hpp"
#include "lib/launch/pointers.hpp"
#include "lib/plan/environment.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;
using plan::Mount;
using raw::Subtree;

constexpr std::size_t kSenderStack = 64 * 1024;
constexpr std::chrono::seconds kListenerPatience{10};
constexpr std::array<std::pair<std::uint64_t, std::uint64_t>, 4> kLocks{{
    {ST_RDONLY, MOUNT_ATTR_RDONLY},
    {ST_NOSUID, MOUNT_ATTR_NOSUID},
    {ST_NODEV, MOUNT_ATTR_NODEV},
    {ST_NOEXEC, MOUNT_ATTR_NOEXEC},
}};

std::unexpected<Error> fail_step(Error error, std::string_view step, const std::string& path) {
    error.code = Errc::launch_failed;
    error.step = step;
    error.path = path;
    return std::unexpected(std::move(error).context(std::string(step) + " " + path));
}

std::string time_offset_text(const std::vector<plan::TimeOffset>& rows) {
    std::string text;
    for (const auto& row : rows)
        text += std::string(row.boottime ? "boottime " : "monotonic ") + std::to_string(row.seconds) + " " +
                std::to_string(row.nanoseconds) + "\n";
    return text;
}

char** find_home_entry(std::vector<char*>& env) {
    for (auto& entry : env)
        if (entry != nullptr && std::string_view(entry).starts_with("HOME=")) return &entry;
    return nullptr;
}

/// Ours, which the entries of `first` come before.
std::vector<char*> join_environments(std::span<char* const> first) {
    std::vector<char*> out;
    std::set<std::string_view> names;
    const auto add = [&](char* entry) {
        if (names.insert(plan::env_name(entry)).second) out.push_back(entry);
    };
    for (char* entry : first)
        if (entry != nullptr) add(entry);
    for (char** entry = ::environ; *entry != nullptr; ++entry) add(*entry);
    out.push_back(nullptr);
    return out;
}

/// A hook without an environment of its own has ours, and `first` before it.
std::vector<HookVectors> vectors_of(const std::vector<plan::Hook>& hooks, std::span<char* const> first) {
    std::vector<HookVectors> out;
    for (const auto& hook : hooks) {
        out.push_back({pointers_to(hook.args), pointers_to(hook.env)});
        // A program finds its own name, even where the document has no arguments.
        if (hook.args.empty()) out.back().args = {const_cast<char*>(hook.path.c_str()), nullptr};
        if (hook.env.empty()) out.back().env = join_environments(first);
    }
    return out;
}

std::string_view search_path(const plan::Process& process) {
    constexpr std::string_view kPrefix = "PATH=";
    for (const auto& entry : process.env)
        if (entry.starts_with(kPrefix)) return std::string_view(entry).substr(kPrefix.size());
    return plan::kDefaultPath;
}

std::vector<std::string> list_executables(const plan::Process& process) {
    if (process.args.empty()) return {};
    const auto& name = process.args.front();
    if (name.contains('/')) return {name};
    std::vector<std::string> candidates;
    if (name.empty()) return candidates;
    for (const auto& directory : split(search_path(process), ':'))
        candidates.push_back(directory.empty() ? name : directory + "/" + name);
    return candidates;
}

Result<> open_joined(const plan::LaunchPlan& plan, Preparation& preparation) {
    for (const auto& row : plan.namespaces) {
        int number = -1;
        if (!row.path.empty()) {
            auto fd = kernel::open_namespace(row.path, clone_flag(row.kind));
            if (!fd) return fail_step(std::move(fd).error(), "join namespace", row.path);
            number = fd->get();
            preparation.descriptors.push_back(std::move(*fd));
        }
        preparation.context.namespaces.push_back(number);
    }
    return {};
}

/// The image's links must not lead out of the container's root.
Result<UniqueFd> open_host_source(const plan::Root& root, const Mount& mount) {
    const int flags = source_flags(mount);
    if (!is_in_root(root, mount))
        return kernel::lift_fd(raw::call<SYS_openat>(AT_FDCWD, mount.source.c_str(), flags | O_CLOEXEC), "openat");
    const raw::Fd top(raw::call<SYS_openat>(AT_FDCWD, root.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    TRY(kernel::lift(top.get(), "openat"));
    return kernel::lift_fd(raw::open_in_root(top.get(), mount.source.c_str() + root.path.size(), flags), "openat2");
}

/// Only the owner of the source's file system may map its ids, which a container's root is not.
Result<UniqueFd> make_idmapped_tree(const plan::Root& root, const Mount& mount, int user_namespace) {
    auto tree = TRY(clone_host_source(root, mount));
    const bool all = (mount.rec_attr_set & MOUNT_ATTR_IDMAP) != 0;
    const raw::MountAttributes mapping{.set = MOUNT_ATTR_IDMAP, .user_namespace = user_namespace};
    TRY(kernel::lift(raw::set_attributes(tree.get(), mapping, all ? Subtree::yes : Subtree::no), "mount_setattr"));
    return tree;
}

bool is_idmapped(const Mount& mount) { return !mount.uid_map.empty() || (mount.attr_set & MOUNT_ATTR_IDMAP) != 0; }

/// A user namespace with the mount's maps; the preparation owns it.
Result<int> choose_id_map(const Mount& mount, Preparation& preparation) {
    if (mount.uid_map.empty()) return joined_namespace(preparation.context, plan::NamespaceKind::user);
    preparation.descriptors.push_back(
        TRY(kernel::make_user_namespace({id_map_text(mount.uid_map), id_map_text(mount.gid_map)})));
    return preparation.descriptors.back().get();
}

Result<> prepare_id_map(const plan::Root& root, std::size_t i, bool is_there, Preparation& preparation) {
    const auto& mount = root.mounts[i];
    const int ids = TRY(choose_id_map(mount, preparation));
    preparation.context.id_maps[i] = ids;
    if (mount.kind != plan::MountKind::bind || !is_there) return {};
    auto tree = TRY(make_idmapped_tree(root, mount, ids));
    if (preparation.context.in_user_namespace) preparation.context.kept[i] = TRY(read_locks(tree.get()));
    preparation.context.trees[i] = tree.get();
    preparation.descriptors.push_back(std::move(tree));
    return {};
}

Result<> prepare_mounts(const plan::LaunchPlan& plan, Preparation& preparation) {
    auto& context = preparation.context;
    const auto& mounts = plan.root.mounts;
    context.trees.assign(mounts.size(), -1);
    context.kept.assign(mounts.size(), 0);
    context.id_maps.assign(mounts.size(), -1);
    context.sources.assign(mounts.size(), -1);
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        if (!is_idmapped(mounts[i]) || mounts[i].kind == plan::MountKind::change) continue;
        // What the container's own mounts bring can only be mapped later, by whoever has our privileges then.
        const bool is_there = !is_in_root(plan.root, mounts[i]) || (context.in_user_namespace && !may_have_opener(context));
        auto result = prepare_id_map(plan.root, i, is_there, preparation);
        if (!result) return fail_step(std::move(result).error(), "mount", mounts[i].target);
    }
    return {};
}

/// Alone in a file system of its own, which nobody else sees.
Result<UniqueFd> make_device_tree(const plan::Device& device, const plan::LaunchPlan& plan) {
    constexpr const char* kName = "node";
    const auto filesystem = TRY(kernel::lift_fd(raw::open_filesystem("tmpfs"), "fsopen"));
    const auto root = TRY(kernel::lift_fd(raw::mount_context(filesystem.get()), "fsmount"));
    if (::mknodat(root.get(), kName, device.mode, makedev(device.major, device.minor)) < 0)
        return fail_errno(errno, "mknodat");
    const auto owner = plan::host_id_of(device.uid, plan.uid_map).value_or(device.uid);
    const auto group = plan::host_id_of(device.gid, plan.gid_map).value_or(device.gid);
    if (::fchownat(root.get(), kName, owner, group, 0) < 0)
        return fail_errno(errno, "fchownat");
    if (::fchmodat(root.get(), kName, device.mode & ALLPERMS, 0) < 0) return fail_errno(errno, "fchmodat");
    const auto node = TRY(kernel::lift_fd(::openat(root.get(), kName, O_PATH | O_CLOEXEC), "openat"));
    return kernel::lift_fd(raw::clone_tree(node.get(), nullptr, Subtree::no), "open_tree");
}

/// In a user namespace the child can only show what the host has. What it does not have is made here, if we may.
void prepare_devices(const plan::LaunchPlan& plan, Preparation& preparation) {
    const auto& devices = plan.root.devices;
    preparation.context.device_trees.assign(devices.size(), -1);
    if (!preparation.context.in_user_namespace) return;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        if (::access(devices[i].path.c_str(), F_OK) == 0) continue;
        auto tree = make_device_tree(devices[i], plan);
        if (!tree) continue;
        preparation.context.device_trees[i] = tree->get();
        preparation.descriptors.push_back(std::move(*tree));
    }
}

/// A container may be without a devpts of its own. Without one of the host there is no terminal then, which its step says.
void prepare_devpts(const plan::LaunchPlan& plan, Preparation& preparation) {
    if (!plan.enters || !plan.process.terminal) return;
    auto devpts = kernel::lift_fd(::open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC), "open /dev/pts");
    if (!devpts) return;
    preparation.context.devpts = devpts->get();
    preparation.descriptors.push_back(std::move(*devpts));
}

/// Here, where the path is that of the host.
Result<> connect_listener(const plan::Seccomp& seccomp, Preparation& preparation) {
    if (seccomp.listener.empty()) return {};
    auto socket = kernel::connect_unix(seccomp.listener, SOCK_STREAM, kListenerPatience);
    if (!socket && seccomp.listener_optional) return {};
    if (!socket)
        return fail_step(std::move(socket).error().context("failed to connect with seccomp agent"), "seccomp",
                         seccomp.listener);
    preparation.listener = std::move(*socket);
    preparation.sender_stack = TRY(kernel::GuardedStack::make(kSenderStack, 0));
    preparation.context.sender_stack = preparation.sender_stack.bytes();
    return {};
}

void prepare_copies(const plan::LaunchPlan& plan, Preparation& preparation) {
    if (std::ranges::none_of(plan.root.mounts, &Mount::copy_up)) return;
    preparation.copy_levels = make_copy_levels();
    preparation.context.copy_levels = std::span(preparation.copy_levels.get(), kMaxCopyDepth);
}

bool has_apparmor() {
    const auto text = kernel::read_file_at(kCurrentDirectory, "/sys/module/apparmor/parameters/enabled");
    return text && text->starts_with('Y');
}

bool has_selinux() {
    struct statfs info{};
    return ::statfs("/sys/fs/selinux", &info) == 0 && info.f_type == SELINUX_MAGIC;
}

/// A label asks for nothing where nothing of its kind is confined: one document serves several kernels.
void choose_labels(const plan::LaunchPlan& plan, Context& context) {
    const auto& process = plan.process;
    if (!process.apparmor_profile.empty() && has_apparmor()) context.profile = "exec " + process.apparmor_profile;
    const bool labelled = !process.selinux_label.empty() || !plan.root.mount_label.empty();
    if (!labelled || !has_selinux()) return;
    context.label = process.selinux_label;
    context.labels_mounts = !plan.root.mount_label.empty();
}

}  // namespace

Result<UniqueFd> clone_host_source(const plan::Root& root, const Mount& mount) {
    const auto source = TRY(open_host_source(root, mount));
    auto tree = TRY(kernel::lift_fd(
        raw::clone_tree(source.get(), nullptr, mount.recursive ? Subtree::yes : Subtree::no), "open_tree"));
    // Our own mounts may be shared with the host's: the container's must not pass anything back.
    TRY(kernel::lift(raw::set_attributes(tree.get(), {.propagation = MS_SLAVE}, Subtree::yes), "mount_setattr"));
    return tree;
}

Result<std::uint64_t> read_locks(int mount) {
    struct statfs info{};
    if (::fstatfs(mount, &info) < 0) return fail_errno(errno, "fstatfs");
    std::uint64_t locks = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
    for (const auto& [of_statfs, attribute] : kLocks)
        if ((static_cast<std::uint64_t>(info.f_flags) & of_statfs) != 0) locks |= attribute;
    return locks;
}

std::vector<std::string> list_idle_labels(const plan::LaunchPlan& plan) {
    std::vector<std::string> out;
    const auto add = [&](const std::string& label, std::string_view module, bool there) {
        if (!label.empty() && !there)
            out.push_back(xctl::quoted(label) + ": ignored, as this kernel has no " + std::string(module));
    };
    add(plan.process.apparmor_profile, "AppArmor", has_apparmor());
    add(plan.process.selinux_label, "SELinux", has_selinux());
    add(plan.root.mount_label, "SELinux", has_selinux());
    return out;
}

Result<Preparation> prepare(const plan::LaunchPlan& plan) {
    Preparation preparation;
    auto& context = preparation.context;
    context.plan = &plan;
    TRY(open_joined(plan, preparation));
    context.in_user_namespace = find_namespace(plan, plan::NamespaceKind::user) != nullptr;
    TRY(prepare_mounts(plan, preparation));
    prepare_copies(plan, preparation);
    prepare_devices(plan, preparation);
    prepare_devpts(plan, preparation);
    TRY(connect_listener(plan.process.seccomp, preparation));
    choose_labels(plan, context);
    context.executables = list_executables(plan.process);
    context.args = pointers_to(plan.process.args);
    context.env = pointers_to(plan.process.env);
    if (plan.process.default_home) context.home_entry = find_home_entry(context.env);
    context.create_hooks = vectors_of(plan.hooks.create_container, {});
    context.start_hooks = vectors_of(plan.hooks.start_container, context.env);
    context.time_offsets = time_offset_text(plan.time_offsets);
    const bool has_namespace = find_namespace(plan, plan::NamespaceKind::mount) != nullptr;
    context.mounts = plan.enters ? Mounts::entered : has_namespace ? Mounts::own : Mounts::host;
    return preparation;
}

}  // namespace xctl::launch
