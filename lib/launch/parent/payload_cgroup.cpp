// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/payload_cgroup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "lib/base/text.hpp"
#include "lib/kernel/bpf.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::launch {
namespace {

constexpr const char* kSupervisor = "supervisor";
constexpr const char* kDelegateList = "/sys/kernel/cgroup/delegate";

/// systemd does not know these, and neither passes them down nor takes them away.
constexpr std::array<std::string_view, 2> kUnknownToSystemd{"hugetlb", "rdma"};

/// "memory" of "memory.max".
std::string_view controller_of(std::string_view file) { return file.substr(0, file.find('.')); }

/// The field of the configuration that needs this controller.
std::string_view field_needing(const plan::Cgroup& cgroup, std::string_view controller) {
    for (const auto& row : cgroup.files)
        if (controller_of(row.file) == controller) return row.pointer;
    return {};
}

Result<> check_controllers(CgroupFd unit_cgroup, const plan::Cgroup& cgroup) {
    const auto offered = TRY(kernel::read_controllers(unit_cgroup), "cgroup of the unit");
    for (const auto& controller : cgroup.controllers) {
        if (std::ranges::contains(offered, controller)) continue;
        return fail(Errc::unsupported, std::string(field_needing(cgroup, controller)) +
                                           ": the requested cgroup controller `" + controller + "` is not available");
    }
    return {};
}

void enable_what_systemd_does_not(CgroupFd unit_cgroup, const plan::Cgroup& cgroup) {
    for (const auto& controller : cgroup.controllers)
        if (std::ranges::contains(kUnknownToSystemd, controller)) kernel::enable_above(unit_cgroup, {controller});
}

/// A cgroup with controllers enabled for its children must have no processes of its own.
Result<> move_processes(CgroupFd unit_cgroup, CgroupFd payload, CgroupFd supervisor, pid_t keeper) {
    for (const pid_t pid : TRY(kernel::read_processes(unit_cgroup))) {
        const auto moved = kernel::add_process(pid == keeper ? supervisor : payload, pid);
        // A process may have ended in the meantime.
        if (!moved && moved.error().sys_errno != ESRCH) return moved;
    }
    return {};
}

/// Otherwise the kernel would kill for a limit below what is in use.
Result<> check_usage(CgroupFd payload, const plan::Cgroup& cgroup) {
    if (cgroup.most_memory == 0) return {};
    auto text = TRY(kernel::read_file_at(directory_of(payload), "memory.current"));
    if (text.ends_with('\n')) text.pop_back();
    const auto usage = TRY(parse_unsigned(text), "memory.current");
    if (usage <= cgroup.most_memory) return {};
    return fail(Errc::wrong_state, "rejecting memory limit " + std::to_string(cgroup.most_memory) +
                                       ": current usage is " + text);
}

bool is_forbidden(const Error& error) {
    return error.sys_errno == EACCES || error.sys_errno == EPERM || error.sys_errno == EROFS;
}

Result<> write_limits(CgroupFd payload, const plan::Cgroup& cgroup) {
    TRY(check_usage(payload, cgroup));
    for (std::size_t i = 0; i < cgroup.files.size(); ++i) {
        const auto& row = cgroup.files[i];
        const auto written = kernel::write_file_at(directory_of(payload), row.file, row.value);
        const bool missing = !written && written.error().sys_errno == ENOENT;
        if (row.presence == plan::Presence::preferred && !missing) ++i;
        if (missing && row.presence != plan::Presence::required) continue;
        if (row.presence == plan::Presence::unasked && !written && is_forbidden(written.error())) continue;
        TRY(Result<>(written), row.pointer.empty() ? row.file : row.pointer);
    }
    return {};
}

Result<> attach_device_program(CgroupFd payload, const plan::Cgroup& cgroup, DevicePrograms& programs) {
    if (cgroup.device_program.empty()) return {};
    return kernel::set_device_program(payload, TRY(programs.load(cgroup.device_program)));
}

/// The group, and of its files those that the kernel says are for that; the limits stay with us.
Result<> give_away(CgroupFd payload, uid_t owner) {
    constexpr auto kNoGroup = static_cast<gid_t>(-1);
    if (::fchown(payload.get(), owner, kNoGroup) < 0) return fail_errno(errno, "chown of the cgroup");
    const auto listed = kernel::read_file_at(kCurrentDirectory, kDelegateList);
    for (const auto& file : split(listed ? *listed : "cgroup.procs\ncgroup.subtree_control\ncgroup.threads", '\n'))
        if (!file.empty()) {
            [[maybe_unused]] const int result = ::fchownat(payload.get(), file.c_str(), owner, kNoGroup, 0);
        }
    return {};
}

Result<> set_up(CgroupFd payload, const plan::Cgroup& cgroup, DevicePrograms& programs) {
    TRY(write_limits(payload, cgroup));
    TRY(attach_device_program(payload, cgroup, programs));
    return cgroup.owner ? give_away(payload, *cgroup.owner) : Result<>();
}

}  // namespace

Result<std::string> find_cgroup_in(const std::string& unit, pid_t init) {
    auto path = TRY(kernel::read_cgroup_path(init), "find the init's cgroup");
    if (std::ranges::contains(split(path, '/'), unit)) return path;
    return fail(Errc::launch_failed, "the container's init ended before it was in " + unit);
}

Result<OwnedCgroup> prepare_payload(CgroupFd unit_cgroup, const plan::Cgroup& cgroup, pid_t keeper,
                                    DevicePrograms& programs) {
    enable_what_systemd_does_not(unit_cgroup, cgroup);
    TRY(check_controllers(unit_cgroup, cgroup));
    auto payload = TRY(kernel::make_cgroup_at(unit_cgroup, kPayload));
    OwnedCgroup supervisor;
    if (keeper >= 0) supervisor = TRY(kernel::make_cgroup_at(unit_cgroup, kSupervisor));
    TRY(move_processes(unit_cgroup, payload, supervisor, keeper));
    TRY(kernel::enable_controllers(unit_cgroup, cgroup.controllers), "enable cgroup controllers");
    TRY(set_up(payload, cgroup, programs));
    return payload;
}

Result<> place_keeper(CgroupFd payload, pid_t keeper) {
    const OwnedCgroup unit(
        TRY(kernel::open_at(directory_of(payload), "..", O_RDONLY | O_DIRECTORY), "open the unit's cgroup"));
    const auto supervisor = TRY(kernel::make_cgroup_at(unit, kSupervisor));
    return kernel::add_process(supervisor, keeper);
}

std::string payload_path_of(const std::string& path) {
    std::string prefix;
    for (const auto& part : split(path, '/')) {
        if (part.empty()) continue;
        prefix += "/" + part;
        if (part == kPayload) return prefix;
    }
    return path;
}

std::vector<plan::FileWrite> drop_unavailable(CgroupFd payload, plan::Cgroup& cgroup) {
    const auto offered = kernel::read_controllers(payload).value_or(std::vector<std::string>());
    std::vector<plan::FileWrite> dropped;
    std::erase_if(cgroup.controllers, [&](const auto& name) { return !std::ranges::contains(offered, name); });
    std::erase_if(cgroup.files, [&](const plan::FileWrite& row) {
        const auto controller = controller_of(row.file);
        if (controller == "cgroup" || std::ranges::contains(offered, controller)) return false;
        dropped.push_back(row);
        return true;
    });
    return dropped;
}

Result<> apply_limits(CgroupFd payload, const plan::Cgroup& cgroup, DevicePrograms& programs) {
    TRY(check_controllers(payload, cgroup));
    return set_up(payload, cgroup, programs);
}

}  // namespace xctl::launch
