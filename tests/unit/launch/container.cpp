// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/launch/container.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>

#include "lib/kernel/file.hpp"
#include "lib/kernel/mount.hpp"
#include "lib/kernel/pidfd.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/launch/channel.hpp"
#include "lib/launch/exit_record.hpp"
#include "lib/launch/parent/failure_text.hpp"
#include "lib/launch/service_protocol.hpp"
#include "lib/plan/codec.hpp"

namespace xctl::test {
namespace {

namespace fs = std::filesystem;
using launch::Launched;
using launch::MessageKind;
using plan::Mount;
using plan::MountKind;
using plan::NamespaceKind;

constexpr const char* kBusybox = "/bin/busybox";
constexpr std::uint64_t kRestricted = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

constexpr std::array<std::pair<const char*, unsigned>, 4> kMemoryDevices{
    {{"/dev/null", 3}, {"/dev/zero", 5}, {"/dev/full", 7}, {"/dev/urandom", 9}}};
constexpr std::array<std::pair<const char*, const char*>, 3> kLinks{
    {{"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/ptmx", "pts/ptmx"}}};

/// launch() makes its sibling, so the caller's child must call it.
Result<Launched> launch_from_child(const plan::LaunchPlan& plan, launch::Descriptors descriptors,
                                   launch::Parent parent) {
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    auto launcher = TRY(kernel::clone_process({}));
    if (launcher.pid == 0) {
        const auto launched = launch::launch(plan, std::move(descriptors), parent);
        launch::ServiceMessage report{.kind = launch::ServiceKind::report, .text = {}};
        if (launched)
            report.pid = launched->pid;
        else
            report.text = launched.error().message;
        const int fds[] = {launched ? launched->pidfd.get() : -1, launched ? launched->keeper_pidfd.get() : -1};
        const std::size_t count = !launched ? 0 : launched->keeper_pidfd ? 2 : 1;
        const bool sent = launch::send_service(theirs.get(), report, std::span(fds).first(count)).has_value();
        ::_exit(sent ? 0 : 1);
    }
    theirs.reset();
    auto received = TRY(launch::receive_service(ours.get()), "the launcher");
    TRY(kernel::wait_exit(launcher.pidfd.get()));
    if (received.fd_count == 0) return fail(Errc::launch_failed, received.message.text);
    return Launched{received.message.pid, std::move(received.fds[0]), std::move(received.fds[1])};
}

/// The supervisor's ends.
struct Ends {
    UniqueFd channel;
    UniqueFd output;
};

Result<> answer(const launch::Received& received, const Launched& launched, const RunOptions& options, Ends& ends,
                const plan::LaunchPlan& plan, Outcome& outcome) {
    const int channel = ends.channel.get();
    switch (received.message.kind) {
        case MessageKind::await_placement: return launch::send(channel, MessageKind::placed);
        case MessageKind::ready: options.when_ready(launched.pid); return launch::send(channel, MessageKind::go);
        case MessageKind::console: ends.output.reset(::dup(received.fd.get())); return {};
        case MessageKind::failed: outcome.failure = launch::describe_failure(received.message, plan); return {};
        default: return fail(Errc::system, "unexpected message");
    }
}

Result<> supervise(const Launched& launched, const RunOptions& options, Ends& ends, const plan::LaunchPlan& plan,
                   Outcome& outcome) {
    while (true) {
        pollfd wait{.fd = ends.channel.get(), .events = POLLIN, .revents = 0};
        if (::poll(&wait, 1, 60'000) <= 0) return fail(Errc::timeout, "the init says nothing");
        const auto received = launch::receive(ends.channel.get());
        if (!received && received.error().code == Errc::cancelled) return {};
        if (!received) return std::unexpected(received.error());
        if (received->has_value()) TRY(answer(**received, launched, options, ends, plan, outcome));
    }
}

/// A terminal's master fails with EIO when the last slave is closed.
std::string drain(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    return text;
}

Result<kernel::ExitStatus> wait_for_end(const Launched& launched, const RunOptions& options) {
    if (options.parent == launch::Parent::sibling) {
        auto status = kernel::wait_exit(launched.pidfd.get());
        if (status || status.error().sys_errno != ECHILD) return status;
        pollfd gone{.fd = launched.pidfd.get(), .events = 0, .revents = 0};
        ::poll(&gone, 1, 60'000);
        const auto info = TRY(kernel::read_exit_info(launched.pidfd.get()));
        return info.value_or(kernel::ExitStatus{});
    }
    TRY(kernel::wait_exit(launched.keeper_pidfd.get()), "keeper");
    return launch::parse_exit_record(TRY(kernel::read_file_at(options.record_directory, launch::kExitRecordFile)));
}

Result<> fill_descriptors(launch::Descriptors& theirs, Ends& ours, const plan::LaunchPlan& plan,
                          const RunOptions& options) {
    auto channel = TRY(kernel::make_socket_pair(SOCK_SEQPACKET));
    ours.channel = std::move(channel.first);
    theirs.channel = std::move(channel.second);
    if (options.cgroup >= 0) theirs.cgroup.reset(::dup(options.cgroup));
    if (options.record_directory >= 0) theirs.record_directory.reset(::dup(options.record_directory));
    if (plan.process.terminal) return {};
    int pipe_ends[2];
    if (::pipe2(pipe_ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
    ours.output.reset(pipe_ends[0]);
    theirs.stdio[0].reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
    theirs.stdio[1].reset(pipe_ends[1]);
    theirs.stdio[2].reset(::fcntl(pipe_ends[1], F_DUPFD_CLOEXEC, 3));
    return {};
}

}  // namespace

std::optional<std::string> why_no_containers() {
    if (::geteuid() != 0) return "only root may make containers here";
    if (!fs::exists(kBusybox)) return "there is no static busybox at /bin/busybox";
    struct statx info{};
    if (::statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &info) == 0 &&
        (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0)
        return "this is a chroot whose root is not a mount";
    const auto probe = kernel::clone_process({.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET});
    if (!probe) return "namespaces are not permitted: " + probe.error().message;
    if (probe->pid == 0) ::_exit(0);
    return kernel::wait_exit(probe->pidfd.get()) ? std::nullopt : std::optional<std::string>("no children");
}

std::optional<std::string> why_no_user_namespaces() {
    const auto probe = kernel::clone_process({.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET});
    if (!probe) return "user namespaces are not permitted: " + probe.error().message;
    if (probe->pid == 0) {
        bool mounted = true;
        for (const auto* fstype : {"proc", "sysfs"})
            mounted = mounted && kernel::raw::mount_context(kernel::raw::open_filesystem(fstype)) >= 0;
        ::_exit(mounted ? 0 : 1);
    }
    const auto status = kernel::wait_exit(probe->pidfd.get());
    if (status && status->value == 0) return std::nullopt;
    return "proc and sysfs cannot be mounted in user namespaces here";
}

BusyboxRoot::BusyboxRoot() {
    for (const auto* name : {"bin", "proc", "sys", "dev", "tmp", "etc"})
        fs::create_directories(fs::path(path()) / name);
    fs::copy_file(kBusybox, fs::path(path()) / "bin/busybox");
    fs::create_symlink("busybox", fs::path(path()) / "bin/sh");
    // mkdtemp(3) makes it 0700, and other users shall find the root.
    fs::permissions(directory_.path(), fs::perms::others_exec, fs::perm_options::add);
}

UniqueFd make_plan_file(const plan::LaunchPlan& plan) {
    UniqueFd file(::memfd_create("plan", MFD_CLOEXEC));
    EXPECT_TRUE(kernel::write_all(file.get(), plan::encode(plan)));
    return file;
}

Mount make_bind(const std::string& source, const std::string& target, std::uint64_t attributes) {
    Mount mount;
    mount.kind = MountKind::bind;
    mount.source = source;
    mount.target = target;
    mount.attr_set = attributes;
    return mount;
}

Mount make_filesystem(const std::string& fstype, const std::string& target, std::uint64_t attributes,
                      std::vector<plan::Parameter> parameters) {
    Mount mount;
    mount.kind = MountKind::filesystem;
    mount.fstype = fstype;
    mount.source = fstype;
    mount.target = target;
    mount.attr_set = attributes;
    mount.parameters = std::move(parameters);
    return mount;
}

plan::LaunchPlan make_plan(const BusyboxRoot& root, const std::string& command) {
    plan::LaunchPlan plan;
    plan.id = "test";
    for (const auto kind : {NamespaceKind::pid, NamespaceKind::network, NamespaceKind::mount, NamespaceKind::ipc,
                            NamespaceKind::uts, NamespaceKind::cgroup})
        plan.namespaces.push_back({.kind = kind, .path = {}});
    plan.hostname = "box";
    plan.root.path = root.path();
    plan.root.mounts = {
        make_filesystem("proc", "/proc", kRestricted),
        make_filesystem("tmpfs", "/dev", MOUNT_ATTR_NOSUID, {{"mode", "755"}, {"size", "65536k"}}),
        make_filesystem("devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                        {{"newinstance", std::nullopt}, {"ptmxmode", "0666"}, {"mode", "0620"}}),
        make_filesystem("tmpfs", "/dev/shm", kRestricted),
        make_filesystem("sysfs", "/sys", kRestricted | MOUNT_ATTR_RDONLY),
    };
    for (const auto& [path, number] : kMemoryDevices)
        plan.root.devices.push_back({.path = path, .mode = S_IFCHR | 0666, .major = 1, .minor = number});
    for (const auto& [path, target] : kLinks) plan.root.links.push_back({.path = path, .target = target});
    plan.root.masked_paths = {"/proc/kcore", "/proc/scsi", "/proc/acpi", "/sys/firmware", "/proc/none"};
    plan.root.read_only_paths = {"/proc/sys", "/proc/sysrq-trigger"};
    plan.process.args = {"sh", "-c", command};
    plan.process.env = {"PATH=/nowhere:/bin", "HOME=/"};
    plan.process.cwd = "/";
    return plan;
}

void add_user_namespace(plan::LaunchPlan& plan, std::uint32_t host_id) {
    plan.namespaces.push_back({.kind = NamespaceKind::user, .path = {}});
    plan.uid_map = {{.container_id = 0, .host_id = host_id, .size = 65536}};
    plan.gid_map = plan.uid_map;
}

Result<Outcome> run(const plan::LaunchPlan& plan, const RunOptions& options) {
    launch::Descriptors theirs;
    Ends ours;
    TRY(fill_descriptors(theirs, ours, plan, options));
    const auto launched = TRY(launch_from_child(plan, std::move(theirs), options.parent));
    Outcome outcome;
    TRY(supervise(launched, options, ours, plan, outcome));
    outcome.output = drain(ours.output.get());
    outcome.status = TRY(wait_for_end(launched, options));
    return outcome;
}

}  // namespace xctl::test
