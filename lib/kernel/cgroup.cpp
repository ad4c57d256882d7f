// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/cgroup.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <charconv>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/raw.hpp"

namespace xctl::kernel {
namespace {

constexpr const char* kMountPoints[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
constexpr int kDirectory = O_RDONLY | O_DIRECTORY;

std::vector<std::string> words_of(std::string_view text) {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    return text.empty() ? std::vector<std::string>() : split(text, ' ');
}

}  // namespace

Result<OwnedCgroup> open_cgroup_root() {
    for (const char* path : kMountPoints) {
        auto fd = open_at(kCurrentDirectory, path, kDirectory);
        struct statfs info{};
        if (fd && ::fstatfs(fd->get(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC)
            return OwnedCgroup(std::move(*fd));
    }
    return fail(Errc::unsupported, "no cgroup v2 hierarchy is mounted at /sys/fs/cgroup");
}

Result<std::string> parse_cgroup_path(std::string_view text) {
    constexpr std::string_view kPrefix = "0::";
    for (const auto& line : split(text, '\n'))
        if (line.starts_with(kPrefix)) return line.substr(kPrefix.size());
    return fail(Errc::unsupported, "the process is in no cgroup v2");
}

Result<std::string> read_cgroup_path(pid_t pid) {
    return parse_cgroup_path(TRY(read_file_at(kCurrentDirectory, "/proc/" + std::to_string(pid) + "/cgroup")));
}

Result<std::string> read_own_cgroup_path() {
    return parse_cgroup_path(TRY(read_file_at(kCurrentDirectory, "/proc/self/cgroup")));
}

Result<std::string> path_of_cgroup(CgroupFd cgroup) {
    const auto root = TRY(open_cgroup_root());
    const auto path = TRY(read_fd_path(cgroup.get()));
    return path.substr(std::min(path.size(), TRY(read_fd_path(root.get())).size()));
}

Result<OwnedCgroup> open_cgroup(std::string_view path) {
    const auto root = TRY(open_cgroup_root());
    return open_cgroup_at(root, path);
}

Result<OwnedCgroup> open_cgroup_at(CgroupFd parent, std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    return OwnedCgroup(TRY(open_beneath(directory_of(parent), path.empty() ? "." : std::string(path), kDirectory)));
}

Result<OwnedCgroup> make_cgroup_at(CgroupFd parent, const std::string& name) {
    if (::mkdirat(parent.get(), name.c_str(), 0755) < 0 && errno != EEXIST)
        return fail_errno(errno, "create the cgroup " + name);
    return open_cgroup_at(parent, name);
}

Result<std::vector<std::string>> list_cgroups(CgroupFd cgroup) {
    return list_directory(directory_of(cgroup), ".", Entries::directories);
}

Result<std::vector<pid_t>> read_processes(CgroupFd cgroup) {
    std::vector<pid_t> pids;
    for (const auto& line : split(TRY(read_file_at(directory_of(cgroup), "cgroup.procs")), '\n')) {
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), pid);
        if (!line.empty() && error == std::errc()) pids.push_back(pid);
    }
    return pids;
}

Result<> add_process(CgroupFd cgroup, pid_t pid) {
    return write_file_at(directory_of(cgroup), "cgroup.procs", std::to_string(pid));
}

Result<std::vector<std::string>> read_controllers(CgroupFd cgroup) {
    return words_of(TRY(read_file_at(directory_of(cgroup), "cgroup.controllers")));
}

Result<std::vector<std::string>> read_enabled_controllers(CgroupFd cgroup) {
    return words_of(TRY(read_file_at(directory_of(cgroup), "cgroup.subtree_control")));
}

Result<> enable_controllers(CgroupFd cgroup, const std::vector<std::string>& controllers) {
    if (controllers.empty()) return {};
    return write_file_at(directory_of(cgroup), "cgroup.subtree_control", "+" + join(controllers, " +"));
}

void enable_above(CgroupFd cgroup, const std::vector<std::string>& controllers) {
    std::vector<OwnedCgroup> above;
    for (CgroupFd at = cgroup;; at = above.back()) {
        auto parent = open_at(directory_of(at), "..", kDirectory);
        struct statfs info{};
        if (!parent || ::fstatfs(parent->get(), &info) < 0 || info.f_type != CGROUP2_SUPER_MAGIC) break;
        above.emplace_back(std::move(*parent));
    }
    for (auto parent = above.rbegin(); parent != above.rend(); ++parent)
        static_cast<void>(enable_controllers(*parent, controllers));
}

CgroupEvents parse_cgroup_events(std::string_view text) {
    CgroupEvents events;
    for (const auto& line : split(text, '\n')) {
        if (line == "populated 1") events.populated = true;
        if (line == "frozen 1") events.frozen = true;
    }
    return events;
}

Result<CgroupEvents> read_cgroup_events(CgroupFd cgroup) {
    return parse_cgroup_events(TRY(read_file_at(directory_of(cgroup), "cgroup.events")));
}

Result<UniqueFd> open_cgroup_events(CgroupFd cgroup) { return open_at(directory_of(cgroup), "cgroup.events", O_RDONLY); }

Result<> kill_cgroup(CgroupFd cgroup) { return write_file_at(directory_of(cgroup), "cgroup.kill", "1"); }

Result<> set_frozen(CgroupFd cgroup, bool frozen) {
    return write_file_at(directory_of(cgroup), "cgroup.freeze", frozen ? "1" : "0");
}

}  // namespace xctl::kernel
