// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/cgroup/control_group.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <format>

#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_tree.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/pidfd.hpp"
#include "lib/launch/parent/payload_cgroup.hpp"
#include "lib/plan/path.hpp"
#include "runtime/xrun/cgroup/systemd.hpp"
#include "runtime/xrun/privileges.hpp"
#include "runtime/xrun/report.hpp"

namespace xctl::runtime {
namespace {

constexpr int kRemovalTries = 200;
constexpr int kRemovalInterval = 5;

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of_group(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Everything that is there, so that statistics have it; what a limit needs is checked where it is written.
void enable_what_is_there(CgroupFd cgroup) {
    const auto controllers = kernel::read_controllers(cgroup);
    if (!controllers || kernel::enable_controllers(cgroup, *controllers)) return;
    for (const auto& one : *controllers) static_cast<void>(kernel::enable_controllers(cgroup, {one}));
}

Result<OwnedCgroup> make_path(const std::string& path) {
    auto cgroup = TRY(kernel::open_cgroup_root());
    for (const auto& part : split(path, '/')) {
        if (part.empty()) continue;
        enable_what_is_there(cgroup);
        cgroup = TRY(kernel::make_cgroup_at(cgroup, part));
    }
    return cgroup;
}

/// The init would never get anywhere in it.
Result<> check_thawed(CgroupFd cgroup) {
    const auto freeze = kernel::read_file_at(directory_of(cgroup), "cgroup.freeze");
    if (freeze && freeze->starts_with('1')) return fail(Errc::wrong_state, "container's cgroup unexpectedly frozen");
    return {};
}

Result<> check_unused(CgroupFd cgroup) {
    const auto events = TRY(kernel::read_cgroup_events(cgroup));
    if (events.populated) return fail(Errc::wrong_state, "container's cgroup is not empty");
    return check_thawed(cgroup);
}

std::string description_for(const std::string& id) { return "xrun container " + id; }

/// Letters that a unit's name cannot have, as systemd-escape(1) writes them.
std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view(":-_.").contains(c);
        out += plain ? std::string(1, c) : std::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

Result<std::string> choose_slice(std::string_view wanted) {
    if (wanted.empty()) return std::string(is_host_root() ? "system.slice" : "user.slice");
    if (wanted == "-") return std::string("-.slice");
    if (!wanted.ends_with(".slice") || wanted.contains('/'))
        return fail(Errc::invalid_document, "/linux/cgroupsPath: invalid slice name " + xctl::quoted(wanted));
    return std::string(wanted);
}

/// "a-b.slice" is in "a.slice", systemd.slice(5).
std::string path_of_slice(std::string_view slice) {
    std::string path;
    if (slice == "-.slice") return path;
    const auto name = slice.substr(0, slice.size() - std::string_view(".slice").size());
    for (auto dash = name.find('-'); dash != std::string_view::npos; dash = name.find('-', dash + 1))
        path += "/" + std::string(name.substr(0, dash)) + ".slice";
    return path + "/" + std::string(slice);
}

Result<Placement> choose_scope(const oci::Spec& spec, const std::string& id) {
    const auto& wanted = spec.linux_config.cgroups_path;
    const auto parts = wanted.empty() ? std::vector<std::string>{"", "xrun", id} : split(wanted, ':');
    if (parts.size() != 3 || parts[2].empty())
        return fail(
            Errc::invalid_document,
            "/linux/cgroupsPath: expected \"slice:prefix:name\" for systemd cgroups, got " + xctl::quoted(wanted));
    Placement placement;
    placement.slice = TRY(choose_slice(parts[0]));
    const auto name = parts[1].empty() ? parts[2] : parts[1] + "-" + parts[2];
    placement.scope = escape(name) + (name.ends_with(".scope") ? "" : ".scope");
    placement.properties = TRY(annotated_properties(spec.annotations));
    return placement;
}

Result<std::string> choose_group(const oci::Spec& spec, const std::string& id) {
    const auto& wanted = spec.linux_config.cgroups_path;
    if (wanted.starts_with('/')) return plan::normalized("/", wanted);
    const auto own = TRY(kernel::read_own_cgroup_path());
    // Our own cgroup has processes, so it cannot have children with controllers.
    const auto base = own == "/" ? own : parent_of(own);
    const auto inside = plan::normalized("/", wanted.empty() ? id : wanted);
    return base == "/" ? inside : base + inside;
}

/// Whether systemd has such a unit, and it is a container's of that name.
Result<bool> is_ours(Systemd& systemd, const std::string& scope, const std::string& id) {
    return TRY(systemd.description_of(scope)) == description_for(id);
}

Result<> stop_scope(const std::string& scope, const std::string& id) {
    auto systemd = TRY(Systemd::open());
    // Between writing the name down and starting it somebody else may have taken it.
    if (!TRY(is_ours(systemd, scope, id))) return {};
    return systemd.stop(scope);
}

Result<> remove_directory(const std::string& path) {
    const auto parent = kernel::open_cgroup(parent_of(path));
    if (!parent) return parent.error().sys_errno == ENOENT ? Result<>() : std::unexpected(parent.error());
    Result<> removed;
    // A process that has been killed leaves its cgroup a little later.
    for (int i = 0; i < kRemovalTries; ++i) {
        removed = kernel::remove_cgroup_at(*parent, name_of_group(path));
        if (removed || removed.error().sys_errno != EBUSY) break;
        ::poll(nullptr, 0, kRemovalInterval);
    }
    return removed;
}

Result<> apply(CgroupFd cgroup, plan::Cgroup limits, Unavailable unavailable) {
    if (unavailable == Unavailable::skip)
        for (const auto& row : launch::drop_unavailable(cgroup, limits))
            report("warning", row.pointer + ": skipped, its cgroup controller is not available");
    launch::DevicePrograms programs;
    return launch::apply_limits(cgroup, limits, programs);
}

}  // namespace

Result<Placement> choose_placement(const Arguments& arguments, const oci::Spec& spec) {
    if (arguments.manager == "disabled") return Placement{};
    if (arguments.systemd_cgroup || arguments.manager == "systemd") return choose_scope(spec, arguments.id());
    Placement placement;
    placement.cgroup = TRY(choose_group(spec, arguments.id()));
    return placement;
}

Result<> check_group(const std::string& path) {
    const auto cgroup = kernel::open_cgroup(path);
    if (!cgroup && cgroup.error().sys_errno == ENOENT) return {};
    if (!cgroup) return std::unexpected(cgroup.error());
    return check_unused(*cgroup);
}

Result<OwnedCgroup> make_group(const std::string& path, const plan::Cgroup& limits, Unavailable unavailable) {
    auto cgroup = TRY(make_path(path), "cgroup " + path);
    TRY(check_unused(cgroup));
    TRY(apply(cgroup, limits, unavailable), "unable to apply cgroup configuration");
    return cgroup;
}

Result<std::string> make_scope(const Placement& placement, const std::string& id, PidFd pidfd,
                               const plan::Cgroup& limits, Unavailable unavailable) {
    // Before it is ours: a scope that is stopped takes its cgroup along. A user's manager has its slices elsewhere.
    if (is_host_root())
        if (const auto unused = check_group(path_of_slice(placement.slice) + "/" + placement.scope); !unused)
            return fail(Errc::exists, unused.error().message);
    auto systemd = TRY(Systemd::open());
    ScopeRequest request{.unit = placement.scope,
                         .slice = placement.slice,
                         .description = description_for(id),
                         .pidfd = pidfd,
                         .properties = limit_properties(limits)};
    request.properties.insert(request.properties.end(), placement.properties.begin(), placement.properties.end());
    auto started = systemd.start_scope(request);
    if (!started && started.error().code == Errc::exists)
        return fail(Errc::exists, "container's cgroup is not empty: " + started.error().message);
    TRY(started, "unable to apply cgroup configuration");
    const pid_t pid = TRY(kernel::read_pidfd_pid(pidfd));
    auto path = TRY(launch::find_cgroup_in(placement.scope, pid));
    const auto cgroup = TRY(kernel::open_cgroup(path));
    TRY(check_thawed(cgroup));
    TRY(apply(cgroup, limits, unavailable), "unable to apply cgroup configuration");
    return path;
}

Result<> change_limits(const std::string& path, const std::string& scope, const plan::Cgroup& limits,
                       Unavailable unavailable) {
    const auto cgroup = TRY(open_group(path));
    if (!scope.empty()) {
        auto systemd = TRY(Systemd::open());
        TRY(systemd.set_properties(scope, limit_properties(limits)));
    }
    return apply(cgroup, limits, unavailable);
}

Result<OwnedCgroup> open_group(const std::string& path) {
    if (path.empty()) return fail_errno(ENOENT, "the container has no cgroup");
    return kernel::open_cgroup(path);
}

Result<> remove_group(const std::string& path, const std::string& scope, const std::string& id) {
    if (!scope.empty()) {
        const auto stopped = stop_scope(scope, id);
        // Without systemd's help the directory at least can go.
        if (stopped || path.empty()) return stopped;
    }
    if (path.empty() || path == "/") return {};
    return remove_directory(path);
}

}  // namespace xctl::runtime
