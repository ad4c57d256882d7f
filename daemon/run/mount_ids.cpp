// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/mount_ids.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <format>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::run {
namespace {

constexpr const char* kMountsFile = "mounts";
constexpr mode_t kMountsFileMode = 0600;
constexpr char kEndOfRow = '\0';  // of a row, since a path may hold anything else

}  // namespace

launch::MountIds load_mount_ids(int run_directory) {
    launch::MountIds ids;
    const auto text = kernel::read_file_at(run_directory, kMountsFile);
    for (const auto& row : split(text.value_or(std::string()), kEndOfRow)) {
        const auto blank = row.find(' ');
        if (blank == std::string::npos) continue;
        if (const auto id = parse_unsigned(row.substr(0, blank))) ids[row.substr(blank + 1)] = *id;
    }
    return ids;
}

Result<> save_mount_ids(int run_directory, const launch::MountIds& ids) {
    if (ids.empty()) {
        if (::unlinkat(run_directory, kMountsFile, 0) < 0 && errno != ENOENT)
            return fail_errno(errno, "remove the file mounts");
        return {};
    }
    std::string text;
    for (const auto& [target, id] : ids) (text += std::format("{} {}", id, target)) += kEndOfRow;
    return kernel::replace_file_at(run_directory, kMountsFile, text, kMountsFileMode);
}

Result<> change_mount_ids(int run_directory, const launch::RootChange& change, launch::MountIds added) {
    auto ids = load_mount_ids(run_directory);
    for (const auto& [target, id] : change.gone_mounts) ids.erase(target);
    for (const auto& node : change.gone_nodes) ids.erase(node.device.path);
    added.merge(ids);
    return save_mount_ids(run_directory, added);
}

}  // namespace xctl::run
