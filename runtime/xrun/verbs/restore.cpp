// SPDX-License-Identifier: LGPL-2.1-or-later
// restore: a container from the images of a checkpoint. The cgroup is made by us, the processes in it by CRIU.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "lib/base/fd.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/namespaces.hpp"
#include "runtime/xrun/attachments.hpp"
#include "runtime/xrun/bundle.hpp"
#include "runtime/xrun/criu/images.hpp"
#include "runtime/xrun/launching.hpp"
#include "runtime/xrun/verbs.hpp"

namespace xctl::runtime {
namespace {

constexpr const char* kRestoreRoot = "criu-root";

/// CRIU wants a root that is a mount, and a mount namespace is the one place where nobody else sees that. While this
/// lives we are in one of our own.
class PrivateMounts {
public:
    static Result<PrivateMounts> enter() {
        auto home = TRY(kernel::open_at(kCurrentDirectory, "/proc/self/ns/mnt", O_RDONLY));
        auto directory = TRY(kernel::open_at(kCurrentDirectory, ".", O_PATH | O_DIRECTORY));
        if (::unshare(CLONE_NEWNS) < 0) return fail_errno(errno, "unshare of the mount namespace");
        PrivateMounts mounts(std::move(home), std::move(directory));
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
            return fail_errno(errno, "make mounts private");
        return mounts;
    }
    PrivateMounts(PrivateMounts&&) = default;
    PrivateMounts& operator=(PrivateMounts&&) = delete;
    ~PrivateMounts() { static_cast<void>(leave()); }

    /// Back, with the working directory that we had.
    Result<> leave() {
        if (!home_) return {};
        const auto home = std::move(home_);
        if (::setns(home.get(), CLONE_NEWNS) < 0 || ::fchdir(directory_.get()) < 0)
            return fail_errno(errno, "return to our mount namespace");
        return {};
    }

private:
    PrivateMounts(UniqueFd home, UniqueFd directory) : home_(std::move(home)), directory_(std::move(directory)) {}
    UniqueFd home_, directory_;
};

/// systemd makes no scope without a process. This one is in it until the container's are.
class Placeholder {
public:
    static Result<Placeholder> make() {
        auto child = TRY(kernel::clone_process({}));
        if (child.pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
            while (true) ::pause();
        }
        return Placeholder(std::move(child.pidfd));
    }
    Placeholder(Placeholder&&) = default;
    Placeholder& operator=(Placeholder&&) = delete;
    ~Placeholder() {
        if (!pidfd_) return;
        static_cast<void>(kernel::send_signal(pidfd_, SIGKILL));
        static_cast<void>(kernel::wait_exit(pidfd_));
    }
    [[nodiscard]] PidFd pidfd() const { return pidfd_; }

private:
    explicit Placeholder(OwnedPidFd pidfd) : pidfd_(std::move(pidfd)) {}
    OwnedPidFd pidfd_;
};

struct Restoration {
    const Arguments& arguments;
    Bundle bundle;
    ImageRecord image;
    Placement placement;
    CriuRequest request;
};

bool is_below(const std::string& path, const std::string& directory) {
    return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

/// The one that the place of this mount is in, or nullptr for the root itself.
const plan::Mount* find_mount_above(const std::vector<plan::Mount>& mounts, const std::string& target) {
    const plan::Mount* found = nullptr;
    for (const auto& mount : mounts)
        if (is_below(target, mount.target) && (found == nullptr || is_below(mount.target, found->target)))
            found = &mount;
    return found;
}

Result<> make_mount_point(DirFd root, const std::string& path, const plan::Mount& mount) {
    if (kernel::open_in_root(root, path, O_PATH)) return {};
    struct stat info{};
    const bool is_file = mount.kind == plan::MountKind::bind && ::stat(mount.source.c_str(), &info) == 0 &&
                         !S_ISDIR(info.st_mode);
    if (!is_file) {
        TRY(kernel::make_directories_in_root(root, path));
        return {};
    }
    const auto slash = path.rfind('/');
    const auto parent = TRY(kernel::make_directories_in_root(root, path.substr(0, std::max<std::size_t>(slash, 1))));
    TRY(kernel::open_at(parent, path.substr(slash + 1), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
    return {};
}

/// A root or a directory of a bind mount that was made anew lacks the places that create made in the old one. What
/// else is mounted has them in the images.
Result<> make_mount_points(const plan::Root& root) {
    for (const auto& mount : root.mounts) {
        const auto* const above = find_mount_above(root.mounts, mount.target);
        if (above != nullptr && above->kind != plan::MountKind::bind) continue;
        const auto& path = above == nullptr ? root.path : above->source;
        const auto directory = TRY(kernel::open_at(kCurrentDirectory, path, O_PATH | O_DIRECTORY));
        TRY(make_mount_point(directory, mount.target.substr(above == nullptr ? 0 : above->target.size()), mount));
    }
    return {};
}

Result<std::string> source_of(const ImageMount& wanted, const plan::Root& root, const std::string& cgroup) {
    if (wanted.kind == ImageMountKind::null_device) return std::string("/dev/null");
    if (wanted.kind == ImageMountKind::cgroup) return cgroup_directory(cgroup);
    for (const auto& mount : root.mounts)
        if (mount.kind == plan::MountKind::bind && mount.target == wanted.target) return mount.source;
    return fail(Errc::invalid_document, "config.json: /mounts: the checkpoint has a bind mount on " + wanted.target +
                                            ", and config.json has none there");
}

Result<> check_matches(const Restoration& restoration) {
    const auto& image = restoration.image;
    if (image.terminal != restoration.bundle.plan.process.terminal)
        return fail(Errc::invalid_document, "config.json: /process/terminal: the checkpoint has it otherwise");
    if (image.joins_network != (joined_network(restoration.bundle.spec) != nullptr))
        return fail(Errc::invalid_document, "config.json: /linux/namespaces: the network is another one's in either "
                                            "the checkpoint or config.json only");
    if (restoration.placement.cgroup.empty() && restoration.placement.scope.empty())
        return fail(Errc::unsupported, "restore needs a cgroup");
    return {};
}

/// Files that are not the container's are those that we have instead.
Result<UniqueFd> inherit(Restoration& restoration) {
    auto& request = restoration.request;
    const auto& streams = restoration.image.streams;
    for (std::size_t stream = 0; stream < streams.size(); ++stream)
        if (!streams[stream].empty() && !std::ranges::contains(request.inherited, streams[stream], [](const auto& row) {
                return row.second;
            }))
            request.inherited.emplace_back(static_cast<int>(stream), streams[stream]);
    const auto* const network = joined_network(restoration.bundle.spec);
    if (network == nullptr) return UniqueFd();
    auto file = TRY(kernel::open_namespace(network->path, CLONE_NEWNET));
    if (::fcntl(file.get(), F_SETFD, 0) < 0) return fail_errno(errno, "fcntl of the network namespace");
    request.inherited.emplace_back(file.get(), kJoinedNetwork);
    return file;
}

Result<std::string> mount_root(const Container& container, const std::string& rootfs) {
    if (::mkdirat(container.store.directory().get(), kRestoreRoot, 0700) < 0 && errno != EEXIST)
        return fail_errno(errno, "mkdir of the root for CRIU");
    auto path = TRY(container.store.path()) + "/" + kRestoreRoot;
    if (::mount(rootfs.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0)
        return fail_errno(errno, "bind mount of " + rootfs);
    return path;
}

CriuEvents make_events(const Restoration& restoration, Container& container, UniqueFd& terminal) {
    CriuEvents events;
    events.namespaces_made = [&](pid_t pid) -> Result<> {
        container.record.pid = pid;
        container.record.start_time = read_start_time(pid).value_or(0);
        return container.store.save(container.record);
    };
    events.terminal = [&](UniqueFd master) -> Result<> {
        const auto& socket = restoration.arguments.console_socket;
        if (!socket.empty()) return send_terminal(socket, master.get());
        terminal = std::move(master);
        return {};
    };
    return events;
}

/// Everything is written down before it is made, as by create.
Result<Session> restore_init(Restoration& restoration, Container& container) {
    auto& [arguments, bundle, image, placement, request] = restoration;
    if (!placement.cgroup.empty()) TRY(check_group(placement.cgroup));
    TRY(container.store.save(container.record));
    TRY(container.store.save_config(bundle.text));
    const auto first = TRY(Placeholder::make());
    // The cgroup, by whoever makes cgroups here, with the placeholder in it if it is a scope.
    const Making making{container, placement, bundle.plan, unavailable_limits(arguments), false};
    ContainerAttachments attachments(making, bundle.spec);
    TRY(attachments.set_up(attachment::Step::prepare));
    TRY(attachments.set_up(attachment::Step::placed, -1, first.pidfd()));
    request.cgroup = container.record.cgroup;
    const auto network = TRY(inherit(restoration));
    TRY(make_mount_points(bundle.plan.root));
    const bool hides_others = find_namespace(bundle.plan, plan::NamespaceKind::cgroup) != nullptr;
    const std::string shown_cgroup = hides_others ? request.cgroup : "/";
    for (std::size_t i = 0; i < image.mounts.size(); ++i) {
        auto source = TRY(source_of(image.mounts[i], bundle.plan.root, shown_cgroup));
        request.mounts.emplace_back(image_key(i), std::move(source));
    }
    Session session;
    auto mounts = TRY(PrivateMounts::enter());
    TRY(open_image_directories(arguments, MakeImages::no, request));
    request.root = TRY(mount_root(container, bundle.plan.root.path));
    const auto events = make_events(restoration, container, session.terminal);
    session.process.pid = TRY(criu_restore_tree(request, events));
    TRY(mounts.leave());
    ::unlinkat(container.store.directory().get(), kRestoreRoot, AT_REMOVEDIR);
    session.process.pidfd = TRY(kernel::open_pidfd(session.process.pid));
    container.record.pid = session.process.pid;
    container.record.start_time = read_start_time(session.process.pid).value_or(0);
    TRY(container.store.save(container.record));
    TRY(announce(arguments, session.process, "standard"));
    TRY(attachments.set_up(attachment::Step::launched, session.process.pid));
    return session;
}

Result<Restoration> prepare_restoration(const Arguments& arguments) {
    auto request = TRY(make_criu_request(arguments, MakeImages::no));
    if (request.cgroups == CriuCgroups::strict)
        return fail(Errc::unsupported,
                    "--manage-cgroups-mode strict is not supported by restore: the cgroup is made anew");
    const auto text = kernel::read_document_at(request.images, kImageRecordFile);
    if (!text && text.error().sys_errno == ENOENT)
        return fail(Errc::invalid_document, "the directory of images has no xrun.json: no checkpoint of xrun");
    if (!text) return std::unexpected(text.error());
    auto image = TRY(parse_image_record(*text));
    auto bundle = TRY(load_bundle(arguments));
    TRY(check_restorable(bundle.spec));
    TRY(check_terminal(arguments, bundle.plan.process.terminal, arguments.detach));
    auto placement = TRY(choose_placement(arguments, bundle.spec), "config.json");
    return Restoration{arguments, std::move(bundle), std::move(image), std::move(placement), std::move(request)};
}

}  // namespace

Result<int> verb_restore(const Arguments& arguments) {
    TRY(check_id(arguments.id()));
    auto restoration = TRY(prepare_restoration(arguments));
    TRY(check_matches(restoration));
    if (!arguments.detach) {
        TRY(hold_signals());
        if (!arguments.no_subreaper) ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    Container container{TRY(Store::create(arguments)),
                        make_record(arguments, restoration.bundle, restoration.placement)};
    auto session = restore_init(restoration, container);
    if (!session) {
        give_up(container, session.error());
        return std::unexpected(std::move(session).error().context("restore failed"));
    }
    if (arguments.detach) return 0;
    const auto status = attend(*session);
    TRY(destroy(container));
    return status;
}

}  // namespace xctl::runtime
