// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/resctrl.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::launch {
namespace {

constexpr const char* kMountPoint = "/sys/fs/resctrl";
constexpr const char* kSchemata = "schemata";
constexpr const char* kTasks = "tasks";
constexpr const char* kMonitors = "mon_groups";
constexpr mode_t kMode = 0755;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY;

/// Relative to the mount point.
std::string class_of(const plan::IntelRdt& wanted, const std::string& id) {
    if (wanted.clos_id == "/") return ".";
    return wanted.clos_id.empty() ? id : wanted.clos_id;
}

std::vector<std::string> lines_of(const plan::IntelRdt& wanted) {
    std::vector<std::string> lines;
    for (const auto* text : {&wanted.l3_cache_schema, &wanted.mem_bw_schema})
        for (auto& line : split(*text, '\n'))
            if (!line.empty()) lines.push_back(std::move(line));
    lines.insert(lines.end(), wanted.schemata.begin(), wanted.schemata.end());
    return lines;
}

/// "L3:0=0f;1=F" and " L3:1=f;0=f" say the same.
std::vector<std::string> parts_of(std::string_view line) {
    std::string plain;
    for (const char c : line)
        if (c != ' ') plain += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto colon = std::min(plain.find(':'), plain.size());
    std::vector<std::string> parts;
    for (const auto& part : split(std::string_view(plain).substr(std::min(colon + 1, plain.size())), ';')) {
        const auto equals = part.find('=');
        const auto digits = part.find_first_not_of('0', equals == std::string::npos ? 0 : equals + 1);
        const auto name = plain.substr(0, colon) + ":" + part.substr(0, equals) + "=";
        parts.push_back(name + (digits == std::string::npos ? "0" : part.substr(digits)));
    }
    return parts;
}

Result<> compare(DirFd directory, const std::vector<std::string>& wanted) {
    std::vector<std::string> there;
    for (const auto& line : split(TRY(kernel::read_file_at(directory, kSchemata)), '\n'))
        for (auto& part : parts_of(line)) there.push_back(std::move(part));
    for (const auto& line : wanted)
        for (const auto& part : parts_of(line))
            if (!std::ranges::contains(there, part))
                return fail_errno(EINVAL, "the class exists with other schemata than " + xctl::quoted(line));
    return {};
}

/// The kernel takes a line at a time, and what it dislikes about one is known only then.
Result<> write_schemata(DirFd directory, const std::vector<std::string>& lines) {
    for (const auto& line : lines) TRY(kernel::write_file_at(directory, kSchemata, line + "\n"), line);
    return {};
}

Result<> add_task(DirFd directory, const std::string& group, pid_t pid) {
    return kernel::write_file_at(directory, group + kTasks, std::to_string(pid));
}

Result<bool> make(DirFd directory, const std::string& name) {
    if (::mkdirat(directory.get(), name.c_str(), kMode) == 0) return true;
    if (errno != EEXIST) return fail_errno(errno, "mkdir " + name);
    return false;
}

Result<> monitor(DirFd directory, const std::string& id, pid_t pid) {
    const auto group = std::string(kMonitors) + "/" + id;
    const bool made = TRY(make(directory, group));
    const auto added = add_task(directory, group + "/", pid);
    if (!added && made) ::unlinkat(directory.get(), group.c_str(), AT_REMOVEDIR);
    return added;
}

Result<> fill(DirFd directory, const plan::IntelRdt& wanted, const std::string& id, pid_t pid, bool made) {
    const auto lines = lines_of(wanted);
    TRY(made || wanted.clos_id.empty() ? write_schemata(directory, lines) : compare(directory, lines));
    TRY(add_task(directory, "", pid));
    return wanted.monitoring ? monitor(directory, id, pid) : Result<>();
}

}  // namespace

Result<UniqueFd> open_resctrl() {
    auto root = kernel::open_at(kCurrentDirectory, kMountPoint, kDirectory);
    struct statfs info{};
    if (root && ::fstatfs(root->get(), &info) == 0 && info.f_type == RDTGROUP_SUPER_MAGIC) return root;
    return fail_errno(ENODEV, "no resctrl is mounted at /sys/fs/resctrl");
}

Result<> enter_resctrl(DirFd root, const plan::IntelRdt& wanted, const std::string& id, pid_t pid) {
    const auto name = class_of(wanted, id);
    const bool must_exist = !wanted.clos_id.empty() && lines_of(wanted).empty();
    const bool made = name != "." && !must_exist && TRY(make(root, name));
    const auto directory = TRY(kernel::open_at(root, name, kDirectory));
    auto filled = fill(directory, wanted, id, pid, made);
    if (!filled && made) ::unlinkat(root.get(), name.c_str(), AT_REMOVEDIR);
    return filled;
}

Result<> change_resctrl(DirFd root, const plan::IntelRdt& wanted, const std::string& id) {
    return write_schemata(TRY(kernel::open_at(root, class_of(wanted, id), kDirectory)), lines_of(wanted));
}

void leave_resctrl(DirFd root, const plan::IntelRdt& wanted, const std::string& id) {
    const auto name = class_of(wanted, id);
    if (wanted.monitoring) ::unlinkat(root.get(), (name + "/" + kMonitors + "/" + id).c_str(), AT_REMOVEDIR);
    if (wanted.clos_id.empty()) ::unlinkat(root.get(), name.c_str(), AT_REMOVEDIR);
}

void leave_resctrl(const std::optional<plan::IntelRdt>& wanted, const std::string& id) {
    if (!wanted) return;
    if (const auto root = open_resctrl()) leave_resctrl(*root, *wanted, id);
}

}  // namespace xctl::launch
