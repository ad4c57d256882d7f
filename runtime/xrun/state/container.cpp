// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/state/container.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <charconv>
#include <csignal>

#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/socket.hpp"
#include "lib/oci/spec_json.hpp"
#include "runtime/xrun/attachments.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/report.hpp"

namespace xctl::runtime {
namespace {

constexpr std::size_t kStartTimeField = 19;  // counted after the program's name
constexpr int kPatience = 10'000;                             // milliseconds for SIGKILL to work
constexpr int kPollInterval = 5;

/// Only the init listens there, until it executes the program.
bool awaits_start(const Store& store) {
    return kernel::connect_unix(store.start_socket(), SOCK_SEQPACKET | SOCK_NONBLOCK).has_value();
}

bool is_frozen(const Record& record) {
    const auto cgroup = open_group(record.cgroup);
    if (!cgroup) return false;
    const auto text = kernel::read_file_at(directory_of(*cgroup), "cgroup.freeze");
    return text && text->starts_with('1');
}

/// From /etc/passwd: a static program cannot ask the name services.
std::string name_of_user(uid_t uid) {
    const auto text = kernel::read_document_at(kCurrentDirectory, "/etc/passwd");
    if (text)
        for (const auto& line : split(*text, '\n'))
            if (const auto fields = split(line, ':'); fields.size() > 2 && fields[2] == std::to_string(uid))
                return fields[0];
    return {};
}

Result<> await_end(PidFd pidfd) {
    pollfd waiting{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    int ready = 0;
    do ready = ::poll(&waiting, 1, kPatience);
    while (ready < 0 && errno == EINTR);
    return ready > 0 ? Result<>() : fail(Errc::timeout, "the container's init does not end");
}

Result<> await_empty(CgroupFd cgroup) {
    for (int waited = 0; waited < kPatience; waited += kPollInterval) {
        const auto events = kernel::read_cgroup_events(cgroup);
        if (!events || !events->populated) return {};
        ::poll(nullptr, 0, kPollInterval);
    }
    return fail(Errc::timeout, "the container's processes do not end");
}

/// Nothing that we are part of ourselves may be taken for a container's.
bool contains_us(const std::string& path) {
    const auto own = kernel::read_own_cgroup_path();
    return own && (*own == path || own->starts_with(path + "/"));
}

}  // namespace

Result<Container> open_container(const Arguments& arguments, const std::string& id, Lock lock) {
    auto store = TRY(Store::open(arguments, id));
    if (lock == Lock::yes) TRY(store.lock());
    auto record = TRY(store.load());
    return Container{std::move(store), std::move(record)};
}

Result<std::uint64_t> read_start_time(pid_t pid) {
    const auto text = TRY(kernel::read_file_at(kCurrentDirectory, "/proc/" + std::to_string(pid) + "/stat"));
    // The name may contain anything, also blanks and brackets.
    const auto end_of_name = text.rfind(") ");
    if (end_of_name == std::string::npos) return fail_errno(ESRCH, "read /proc/PID/stat");
    const auto fields = split(std::string_view(text).substr(end_of_name + 2), ' ');
    if (fields.size() <= kStartTimeField) return fail_errno(ESRCH, "read /proc/PID/stat");
    return parse_unsigned(fields[kStartTimeField]);
}

Result<OwnedPidFd> open_init(const Record& record) {
    if (record.pid <= 0) return fail_errno(ESRCH, "the container's init");
    auto pidfd = TRY(kernel::open_pidfd(record.pid));
    // After the descriptor is ours: it cannot be another process from here on.
    const auto start_time = read_start_time(record.pid);
    // The state in /proc is that of the first thread, which the others may outlive.
    if (!start_time || *start_time != record.start_time || kernel::has_exited(pidfd))
        return fail_errno(ESRCH, "the container's init");
    return pidfd;
}

Result<int> for_each_named(const Arguments& arguments, Result<int> (*act)(const Arguments&, const std::string&)) {
    if (!arguments.regex) return act(arguments, arguments.id());
    for (const auto& name : TRY(match_names(arguments, arguments.id())))
        if (const auto done = act(arguments, name); !done) report("warning", name + ": " + done.error().message);
    return 0;
}

oci::Status status_of(const Container& container) {
    const auto& [store, record] = container;
    if (record.pid == 0) return store.is_locked() ? oci::Status::creating : oci::Status::stopped;
    if (!open_init(record)) return oci::Status::stopped;
    if (is_frozen(record)) return oci::Status::paused;
    return awaits_start(store) ? oci::Status::created : oci::Status::running;
}

oci::State state_of(const Container& container) {
    const auto& record = container.record;
    const auto status = status_of(container);
    struct stat info{};
    const bool known = ::fstat(container.store.directory().get(), &info) == 0;
    return {.oci_version = record.oci_version,
            .id = record.id,
            .status = status,
            .pid = status == oci::Status::stopped ? 0 : record.pid,
            .bundle = record.bundle,
            .annotations = record.annotations,
            .rootfs = record.rootfs,
            .created = record.created,
            .owner = known ? name_of_user(info.st_uid) : std::string(),
            .systemd_scope = record.scope};
}

Result<oci::Spec> load_spec(const Container& container) {
    return oci::parse_spec(TRY(container.store.load_config()), "config.json");
}

Result<std::string> read_profile(const std::string& file) { return kernel::read_document_at(kCurrentDirectory, file); }

Result<> kill_everything(const Container& container) {
    const auto& path = container.record.cgroup;
    const auto cgroup = open_group(path);
    if (cgroup && !contains_us(path)) {
        const auto killed = kernel::kill_cgroup(*cgroup);
        // An empty scope may go while we look at it.
        if (!killed && killed.error().sys_errno != ENODEV && killed.error().sys_errno != ENOENT) return killed;
        // A frozen one dies as well, but not every kernel says so before it is thawed.
        TRY(await_empty(*cgroup));
    }
    const auto init = open_init(container.record);
    if (!init) return {};
    const auto sent = kernel::send_signal(*init, SIGKILL);
    if (!sent && sent.error().sys_errno != ESRCH) return sent;
    return await_end(*init);
}

std::string state_for_hooks(const Container& container, oci::Status status) {
    auto state = state_of(container);
    state.status = status;
    state.pid = status == oci::Status::stopped ? 0 : container.record.pid;
    return oci::to_json(state);
}

Result<> destroy(const Container& container) {
    TRY(kill_everything(container));
    const auto spec = load_spec(container);
    auto down = ContainerAttachments(container, spec ? &*spec : nullptr).take_down();
    // A hook that fails keeps nobody from getting rid of the container.
    if (!down && down.error().step != "hook") return down;
    if (!down) report("warning", down.error().message);
    return container.store.remove();
}

void give_up(Container& container, const Error& why) {
    // A cgroup that somebody else uses is theirs, and killing what is in it would be a disaster.
    if (why.code == Errc::wrong_state) container.record.cgroup.clear();
    if (why.code == Errc::exists) container.record.scope.clear();
    if (const auto gone = destroy(container); !gone) report("warning", gone.error().message);
}

}  // namespace xctl::runtime
