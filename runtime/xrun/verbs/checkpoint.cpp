// SPDX-License-Identifier: LGPL-2.1-or-later
// checkpoint: a running container as images of CRIU. What is not its own - bind mounts, its cgroup, masks, a joined
// network, standard streams - becomes external: it has a name in the images, and restore finds it again by that.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <format>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/process.hpp"
#include "lib/plan/compile.hpp"
#include "runtime/xrun/bundle.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/criu/images.hpp"
#include "runtime/xrun/criu/mount_table.hpp"
#include "runtime/xrun/state/container.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

struct Identity {
    std::uint64_t mount = 0;
    struct stat info{};
};

Result<Identity> identify(int file, const std::string& path) {
    Identity out;
    struct statx more{};
    if (::statx(file, "", AT_EMPTY_PATH, STATX_MNT_ID, &more) < 0) return fail_errno(errno, "statx " + path);
    if ((more.stx_mask & STATX_MNT_ID) == 0) return fail(Errc::unsupported, "this kernel does not number mounts");
    if (::fstat(file, &out.info) < 0) return fail_errno(errno, "stat " + path);
    out.mount = more.stx_mnt_id;
    return out;
}

bool is_same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// The container's mounts that are not its own. Whoever is in the container can change the links on the way to a
/// target, so what is found there has to be what config.json has put there.
class ExternalMounts {
public:
    ExternalMounts(DirFd root, std::vector<MountRow> rows, CriuRequest& request, ImageRecord& record)
        : root_(root), rows_(std::move(rows)), request_(request), record_(record) {}

    Result<> collect(const std::vector<plan::Mount>& mounts) {
        for (const auto& mount : mounts) {
            const bool is_bind = mount.kind == plan::MountKind::bind;
            if ((!is_bind || mount.copy_link) && mount.kind != plan::MountKind::cgroup) continue;
            const int follow = mount.target_link ? O_NOFOLLOW : 0;
            const auto file = TRY(kernel::open_in_root(root_, mount.target, O_PATH | follow));
            const auto found = TRY(identify(file.get(), mount.target));
            if (is_bind) TRY(check_source(mount, found));
            TRY(add(found.mount, is_bind ? ImageMountKind::bind : ImageMountKind::cgroup, mount.target));
        }
        return collect_masks();
    }

private:
    static Result<> check_source(const plan::Mount& mount, const Identity& found) {
        struct stat source{};
        const int follow = mount.source_link ? AT_SYMLINK_NOFOLLOW : 0;
        if (::fstatat(AT_FDCWD, mount.source.c_str(), &source, follow) < 0)
            return fail_errno(errno, "stat " + mount.source);
        if (is_same_file(source, found.info)) return {};
        return fail(Errc::wrong_state, mount.target + " in the container is not " + mount.source + " any more");
    }

    /// Files of /proc and /sys that the host's /dev/null covers.
    Result<> collect_masks() {
        for (const auto& row : rows_) {
            if (is_known(row)) continue;
            const auto file = kernel::open_in_root(root_, row.point, O_PATH);
            if (!file) continue;  // covered by another one
            const auto found = TRY(identify(file->get(), row.point));
            if (found.mount == row.id && S_ISCHR(found.info.st_mode) && found.info.st_rdev == makedev(1, 3))
                TRY(add(row.id, ImageMountKind::null_device, row.point));
        }
        return {};
    }

    [[nodiscard]] bool is_known(const MountRow& row) const {
        return std::ranges::contains(request_.mounts, row.point, [](const auto& pair) { return pair.first; });
    }

    Result<> add(std::uint64_t mount, ImageMountKind kind, const std::string& target) {
        const auto row = std::ranges::find(rows_, mount, &MountRow::id);
        if (row == rows_.end() || row->point == "/" || is_known(*row))
            return fail(Errc::wrong_state, "nothing is mounted on " + target + " in the container any more");
        TRY(check_criu_path(row->point));
        request_.mounts.emplace_back(row->point, image_key(record_.mounts.size()));
        record_.mounts.push_back({kind, target});
        return {};
    }

    DirFd root_;
    std::vector<MountRow> rows_;
    CriuRequest& request_;
    ImageRecord& record_;
};

/// A file of another mount namespace, by which CRIU knows it; empty for one of the container's own.
Result<std::string> external_file_key(const std::string& proc, int stream, const std::vector<MountRow>& rows) {
    const auto path = proc + "/fd/" + std::to_string(stream);
    struct statx info{};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID | STATX_INO, &info) < 0)
        return fail_errno(errno, "statx " + path);
    if (std::ranges::contains(rows, info.stx_mnt_id, &MountRow::id)) return std::string();
    return std::format("file[{:x}:{:x}]", info.stx_mnt_id, info.stx_ino);
}

/// Pipes that the container was made with are somebody else's, whichever of its processes have them now. Files are
/// looked up in the init: it has those that it was given, or those of its own mounts.
Result<> collect_streams(const Record& container, const std::string& proc, const std::vector<MountRow>& rows,
                         CriuRequest& request, ImageRecord& record) {
    record.streams.resize(3);
    for (std::size_t stream = 0; stream < container.streams.size() && stream < 3; ++stream) {
        const auto& name = container.streams[stream];
        if (name.starts_with("pipe:[") || name.starts_with("socket:[")) record.streams[stream] = name;
        std::error_code closed;
        const auto now = std::filesystem::read_symlink(proc + "/fd/" + std::to_string(stream), closed).native();
        if (closed || !now.starts_with('/') || now.starts_with("/dev/pts/")) continue;
        auto key = TRY(external_file_key(proc, static_cast<int>(stream), rows));
        if (key.empty()) continue;
        if (!std::ranges::contains(request.externals, key)) request.externals.push_back(key);
        record.streams[stream] = std::move(key);
    }
    return {};
}

Result<> collect_network(const oci::Spec& spec, const std::string& proc, CriuRequest& request, ImageRecord& record) {
    record.joins_network = joined_network(spec) != nullptr;
    if (!record.joins_network) return {};
    struct stat info{};
    const auto path = proc + "/ns/net";
    if (::stat(path.c_str(), &info) < 0) return fail_errno(errno, "stat " + path);
    request.externals.push_back("net[" + std::to_string(info.st_ino) + "]:" + kJoinedNetwork);
    return {};
}

Result<ImageRecord> collect(const Container& container, CriuRequest& request) {
    const auto spec = TRY(load_spec(container));
    TRY(check_restorable(spec));
    const auto plan = TRY(plan::compile(with_process(spec), container.record.bundle, container.record.id, {}));
    const auto proc = "/proc/" + std::to_string(container.record.pid);
    const auto root = TRY(kernel::open_at(kCurrentDirectory, proc + "/root", O_PATH | O_DIRECTORY));
    const auto table = TRY(kernel::read_file_at(kCurrentDirectory, proc + "/mountinfo"));
    const auto rows = TRY(parse_mount_table(table));
    ImageRecord record;
    record.terminal = plan.process.terminal;
    TRY(ExternalMounts(root, rows, request, record).collect(plan.root.mounts));
    TRY(collect_network(spec, proc, request, record));
    TRY(collect_streams(container.record, proc, rows, request, record));
    return record;
}

Result<> check_checkpointable(const Container& container) {
    const auto status = status_of(container);
    if (status != oci::Status::running && status != oci::Status::paused)
        return fail(Errc::wrong_state, "Container cannot be checkpointed in " + std::string(oci::to_string(status)) +
                                           " state");
    if (container.record.cgroup.empty())
        return fail(Errc::unsupported, "a container without a cgroup cannot be frozen for a checkpoint");
    return {};
}

/// criu would only say so in its log.
Result<> check_parent(DirFd images, const std::string& parent) {
    if (parent.empty()) return {};
    if (parent.starts_with('/'))
        return fail(Errc::invalid_argument, "--parent-path must be relative to the directory of images: " +
                                                xctl::quoted(parent));
    TRY(kernel::open_at(images, parent, O_PATH | O_DIRECTORY), "invalid --parent-path");
    return {};
}

}  // namespace

Result<int> verb_checkpoint(const Arguments& arguments) {
    const auto container = TRY(open_container(arguments, arguments.id(), Lock::yes));
    TRY(check_checkpointable(container));
    auto request = TRY(make_criu_request(arguments, MakeImages::yes));
    TRY(check_parent(request.images, arguments.parent_path));
    const auto init = TRY(open_init(container.record));
    const auto record = TRY(collect(container, request));
    // What was found belongs to a number; it is still the same process.
    TRY(open_init(container.record));
    request.pid = container.record.pid;
    request.parent = arguments.parent_path;
    request.freezer = TRY(cgroup_directory(container.record.cgroup));
    if (arguments.pre_dump) {
        TRY(criu_dump_memory(request), "checkpoint failed");
        return 0;
    }
    TRY(kernel::replace_file_at(request.images, kImageRecordFile, to_json(record), 0600));
    TRY(criu_dump_tree(request), "checkpoint failed");
    // What there is of it now is in the images.
    if (!arguments.leave_running) TRY(destroy(container));
    return 0;
}

}  // namespace xctl::runtime
