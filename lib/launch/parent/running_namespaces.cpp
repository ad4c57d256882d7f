// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/running_namespaces.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/table.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::launch {
namespace {

using plan::NamespaceKind;

/// The mount namespace last: with it the paths of the others are gone.
constexpr std::array<Named<NamespaceKind>, 8> kFiles{{
    {"user", NamespaceKind::user},
    {"pid", NamespaceKind::pid},
    {"net", NamespaceKind::network},
    {"ipc", NamespaceKind::ipc},
    {"uts", NamespaceKind::uts},
    {"cgroup", NamespaceKind::cgroup},
    {"time", NamespaceKind::time},
    {"mnt", NamespaceKind::mount},
}};

/// A thread that has ended is in no namespaces any more, and the first one may end before the others.
std::string directory_of_living_thread(pid_t init) {
    const auto process = "/proc/" + std::to_string(init);
    if (::access((process + "/ns/mnt").c_str(), F_OK) == 0) return process;
    const auto tasks = kernel::list_directory(kCurrentDirectory, process + "/task", kernel::Entries::directories);
    if (tasks)
        for (const auto& task : *tasks)
            if (const auto thread = process + "/task/" + task; ::access((thread + "/ns/mnt").c_str(), F_OK) == 0)
                return thread;
    return process;
}

}  // namespace

Result<std::vector<plan::Namespace>> list_namespaces_to_join(pid_t init) {
    std::vector<plan::Namespace> rows;
    const auto directory = directory_of_living_thread(init) + "/ns/";
    for (const auto& file : kFiles) {
        const auto theirs = directory + std::string(file.name);
        const auto ours = "/proc/self/ns/" + std::string(file.name);
        struct stat their_info{}, our_info{};
        if (::stat(theirs.c_str(), &their_info) < 0) {
            if (errno == ENOENT && file.value == NamespaceKind::time) continue;  // a kernel without them
            return fail_errno(errno, "stat " + theirs);
        }
        if (::stat(ours.c_str(), &our_info) < 0) return fail_errno(errno, "stat " + ours);
        if (their_info.st_ino != our_info.st_ino) rows.push_back({file.value, theirs});
    }
    return rows;
}

}  // namespace xctl::launch
