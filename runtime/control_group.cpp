// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/control_group.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/launch/payload_cgroup.hpp"
#include "lib/plan/path.hpp"

namespace xctl::runtime {
namespace {

constexpr const char* kDelegateList = "/sys/kernel/cgroup/delegate";
constexpr int kRemovalTries = 200;
constexpr int kRemovalInterval = 5;

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of_group(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Everything that is there, so that statistics have it; what a limit needs is checked where it is written.
void enable_what_is_there(int cgroup) {
    const auto controllers = kernel::read_controllers(cgroup);
    if (!controllers || kernel::enable_controllers(cgroup, *controllers)) return;
    for (const auto& one : *controllers) static_cast<void>(kernel::enable_controllers(cgroup, {one}));
}

Result<UniqueFd> make_path(const std::string& path) {
    auto cgroup = TRY(kernel::open_cgroup_root());
    for (const auto& part : split(path, '/')) {
        if (part.empty()) continue;
        enable_what_is_there(cgroup.get());
        cgroup = TRY(kernel::make_cgroup_at(cgroup.get(), part));
    }
    return cgroup;
}

Result<> check_unused(int cgroup) {
    const auto events = TRY(kernel::read_cgroup_events(cgroup));
    if (events.populated) return fail(Errc::wrong_state, "container's cgroup is not empty");
    const auto freeze = kernel::read_file_at(cgroup, "cgroup.freeze");
    if (freeze && freeze->starts_with('1')) return fail(Errc::wrong_state, "container's cgroup unexpectedly frozen");
    return {};
}

bool has_option(const oci::Mount& mount, std::string_view option) {
    return std::ranges::contains(mount.options, option);
}

/// A container's own manager may only be given what it sees through a cgroup namespace of its own.
bool is_delegated(const oci::Spec& spec) {
    const auto* users = oci::find_namespace(spec, oci::NamespaceType::user);
    const auto* groups = oci::find_namespace(spec, oci::NamespaceType::cgroup);
    if (users == nullptr || groups == nullptr || !groups->path.empty()) return false;
    return std::ranges::any_of(spec.mounts, [](const oci::Mount& mount) {
        return mount.destination == "/sys/fs/cgroup" && (mount.type == "cgroup" || mount.type == "cgroup2") &&
               !has_option(mount, "ro");
    });
}

Result<> delegate(int cgroup, const oci::Spec& spec) {
    const auto& maps = spec.linux_config.uid_mappings;
    const auto root = std::ranges::find(maps, 0U, &oci::IdMapping::container_id);
    if (root == maps.end()) return {};
    if (::fchown(cgroup, root->host_id, static_cast<gid_t>(-1)) < 0) return fail_errno(errno, "chown of the cgroup");
    const auto listed = kernel::read_file_at(AT_FDCWD, kDelegateList);
    for (const auto& file : split(listed ? *listed : "cgroup.procs\ncgroup.subtree_control\ncgroup.threads", '\n'))
        if (!file.empty())
            static_cast<void>(::fchownat(cgroup, file.c_str(), root->host_id, static_cast<gid_t>(-1), 0));
    return {};
}

}  // namespace

Result<std::string> choose_group(const oci::Spec& spec, const std::string& id) {
    const auto& wanted = spec.linux_config.cgroups_path;
    if (wanted.starts_with('/')) return plan::normalized("/", wanted);
    const auto own = TRY(kernel::read_own_cgroup_path());
    // Our own cgroup has processes, so it cannot have children with controllers.
    const auto base = own == "/" ? own : parent_of(own);
    const auto inside = plan::normalized("/", wanted.empty() ? id : wanted);
    return base == "/" ? inside : base + inside;
}

Result<> check_group(const std::string& path) {
    const auto cgroup = kernel::open_cgroup(path);
    if (!cgroup && cgroup.error().sys_errno == ENOENT) return {};
    if (!cgroup) return std::unexpected(cgroup.error());
    return check_unused(cgroup->get());
}

Result<UniqueFd> make_group(const std::string& path, const oci::Spec& spec, const plan::Cgroup& limits) {
    auto cgroup = TRY(make_path(path), "cgroup " + path);
    TRY(check_unused(cgroup.get()));
    TRY(launch::apply_limits(cgroup.get(), limits), "unable to apply cgroup configuration");
    if (is_delegated(spec)) TRY(delegate(cgroup.get(), spec));
    return cgroup;
}

Result<UniqueFd> open_group(const std::string& path) {
    if (path.empty()) return fail_errno(ENOENT, "the container has no cgroup");
    return kernel::open_cgroup(path);
}

Result<> remove_group(const std::string& path) {
    if (path.empty() || path == "/") return {};
    const auto parent = kernel::open_cgroup(parent_of(path));
    if (!parent) return parent.error().sys_errno == ENOENT ? Result<>() : std::unexpected(parent.error());
    Result<> removed;
    // A process that has been killed leaves its cgroup a little later.
    for (int i = 0; i < kRemovalTries; ++i) {
        removed = kernel::remove_cgroup_at(parent->get(), name_of_group(path));
        if (removed || removed.error().sys_errno != EBUSY) break;
        ::poll(nullptr, 0, kRemovalInterval);
    }
    return removed;
}

}  // namespace xctl::runtime
