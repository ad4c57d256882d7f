// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/cgroup_tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <span>
#include <utility>

#include "lib/base/unique_fd.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"

namespace xctl::kernel {
namespace {

constexpr int kCgroupDirectory = O_RDONLY | O_DIRECTORY;
constexpr std::size_t kMostPidfds = 256;  // open at the same time

/// Of a cgroup that was removed meanwhile.
bool is_gone(const Error& error) { return error.sys_errno == ENOENT || error.sys_errno == ENODEV; }

/// A walk through a tree, with one descriptor however deep it is: the way back is "..", which is safe since cgroups
/// cannot be moved.
class Walk {
public:
    /// Below `cgroup`, which stays open meanwhile.
    static Result<Walk> begin(CgroupFd cgroup) {
        Walk walk;
        walk.at_ = TRY(open_cgroup_at(cgroup, "."));
        auto below = TRY(list_cgroups(cgroup));
        walk.levels_.push_back({{}, std::move(below)});
        return walk;
    }

    [[nodiscard]] CgroupFd at() const { return at_; }
    [[nodiscard]] bool is_at_top() const { return levels_.size() == 1; }
    [[nodiscard]] const std::string& path() const { return path_; }

    /// To the next child that was not visited yet; false when there is none.
    Result<bool> descend() {
        while (!levels_.back().below.empty()) {
            auto name = std::move(levels_.back().below.back());
            levels_.back().below.pop_back();
            auto child = open_cgroup_at(at(), name);
            auto below = child ? list_cgroups(*child) : std::unexpected(child.error());
            if (!below && is_gone(below.error())) continue;
            auto names = TRY(std::move(below));
            at_ = std::move(*child);
            (path_ += '/') += name;
            levels_.push_back({std::move(name), std::move(names)});
            return true;
        }
        return false;
    }

    /// Back to the parent; returns the name of the child.
    Result<std::string> ascend() {
        at_ = OwnedCgroup(TRY(open_at(directory_of(at_), "..", kCgroupDirectory)));
        auto name = std::move(levels_.back().name);
        levels_.pop_back();
        path_.resize(path_.size() - name.size() - 1);
        return name;
    }

private:
    struct Level {
        std::string name;
        std::vector<std::string> below;  // still to be visited
    };

    OwnedCgroup at_;
    std::vector<Level> levels_;
    std::string path_;
};

/// None in a threaded cgroup, whose processes are listed above it.
Result<std::vector<pid_t>> read_own_processes(CgroupFd cgroup) {
    auto own = read_processes(cgroup);
    if (!own && (is_gone(own.error()) || own.error().sys_errno == EOPNOTSUPP)) return std::vector<pid_t>();
    return own;
}

/// A process that has ended is no error.
Result<> signal_if_alive(PidFd pidfd, int signal) {
    auto sent = send_signal(pidfd, signal);
    return !sent && sent.error().sys_errno != ESRCH ? sent : Result<>();
}

/// By numbers alone a process could be hit that has been given the number of one that ended. A pidfd keeps to its
/// process; when its number is still listed after it was opened, and the process lives, it is in this cgroup.
Result<> signal_some(CgroupFd cgroup, std::span<const pid_t> pids, int signal) {
    std::vector<std::pair<pid_t, OwnedPidFd>> opened;
    for (const pid_t pid : pids)
        if (auto pidfd = pid > 0 ? open_pidfd(pid) : fail_errno(ESRCH, "pidfd_open"))
            opened.emplace_back(pid, std::move(*pidfd));
        else if (pidfd.error().sys_errno != ESRCH)
            return std::unexpected(std::move(pidfd).error());
    auto still = TRY(read_own_processes(cgroup));
    std::ranges::sort(still);
    Result<> result;
    for (const auto& [pid, pidfd] : opened)
        if (std::ranges::binary_search(still, pid))
            if (auto sent = signal_if_alive(pidfd, signal); !sent) result = std::move(sent);
    return result;
}

Result<> signal_own_processes(CgroupFd cgroup, int signal) {
    const auto pids = TRY(read_own_processes(cgroup));
    Result<> result;
    for (std::span<const pid_t> rest(pids); !rest.empty();) {
        const auto some = rest.first(std::min(rest.size(), kMostPidfds));
        if (auto sent = signal_some(cgroup, some, signal); !sent) result = std::move(sent);
        rest = rest.subspan(some.size());
    }
    return result;
}

}  // namespace

Result<> visit_cgroups(CgroupFd cgroup, const CgroupVisitor& visit) {
    auto walk = TRY(Walk::begin(cgroup));
    if (!visit(walk.at(), walk.path())) return {};
    while (true) {
        if (TRY(walk.descend())) {
            if (!visit(walk.at(), walk.path())) return {};
        } else {
            if (walk.is_at_top()) return {};
            TRY(walk.ascend());
        }
    }
}

Result<std::vector<pid_t>> read_tree(CgroupFd cgroup) {
    auto pids = TRY(read_processes(cgroup));
    Result<> result;
    TRY(visit_cgroups(cgroup, [&](CgroupFd at, const std::string& path) {
        if (path.empty()) return true;
        const auto own = read_own_processes(at);
        if (own)
            pids.insert(pids.end(), own->begin(), own->end());
        else
            result = std::unexpected(own.error());
        return own.has_value();
    }));
    TRY(std::move(result));
    std::ranges::sort(pids);
    return pids;
}

Result<> signal_cgroup(CgroupFd cgroup, int signal) {
    if (signal == SIGKILL) return kill_cgroup(cgroup);
    Result<> result;
    TRY(visit_cgroups(cgroup, [&](CgroupFd at, const std::string&) {
        if (auto sent = signal_own_processes(at, signal); !sent) result = std::move(sent);
        return true;
    }));
    return result;
}

Result<> remove_cgroups_below(CgroupFd cgroup) {
    auto walk = TRY(Walk::begin(cgroup));
    while (true) {
        if (TRY(walk.descend())) continue;
        if (walk.is_at_top()) return {};
        const auto name = TRY(walk.ascend());
        if (::unlinkat(walk.at().get(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
            return fail_errno(errno, "remove the cgroup " + name);
    }
}

Result<> remove_cgroup_at(CgroupFd parent, const std::string& name) {
    auto cgroup = open_cgroup_at(parent, name);
    if (!cgroup && cgroup.error().sys_errno == ENOENT) return {};
    if (!cgroup) return std::unexpected(std::move(cgroup).error());
    TRY(remove_cgroups_below(*cgroup));
    if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
        return fail_errno(errno, "remove the cgroup " + name);
    return {};
}

Result<> remove_parent_cgroup(CgroupFd cgroup) {
    const OwnedCgroup parent(TRY(open_at(directory_of(cgroup), "..", kCgroupDirectory)));
    const auto path = TRY(path_of_cgroup(parent));
    const auto slash = path.rfind('/');
    if (slash == std::string::npos || slash + 1 == path.size()) return fail_errno(EINVAL, "remove the root cgroup");
    const auto above = open_cgroup(path.substr(0, slash));
    if (!above && is_gone(above.error())) return {};
    if (!above) return std::unexpected(above.error());
    return remove_cgroup_at(*above, path.substr(slash + 1));
}

}  // namespace xctl::kernel
