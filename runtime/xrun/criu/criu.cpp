// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/criu/criu.hpp"

#include <criu/criu.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/plan/environment.hpp"

namespace xctl::runtime {
namespace {

constexpr int kOldestCriu = 31600;  // 3.16: cgroup v2's freezer, and external files
constexpr int kCriuLogLevel = 4;
constexpr const char* kDumpLog = "dump.log";
constexpr const char* kRestoreLog = "restore.log";

/// The library calls back without a word on whose behalf; it serves one request at a time.
struct CriuCall {
    const CriuEvents* events = nullptr;
    std::optional<Error> failure;
};
CriuCall the_criu_call;

/// The library closes its own descriptor of the terminal after this.
Result<> pass_terminal(const CriuEvents& events) {
    const int master = criu_get_orphan_pts_master_fd();
    if (master < 0) return fail(Errc::system, "criu sent no terminal");
    UniqueFd copy(::fcntl(master, F_DUPFD_CLOEXEC, 3));
    if (!copy) return fail_errno(errno, "the container's terminal");
    return events.terminal(std::move(copy));
}

extern "C" int on_criu_event(char* action, criu_notify_arg_t argument) {
    const auto* const events = the_criu_call.events;
    if (events == nullptr) return 0;
    const std::string_view name(action);
    Result<> done;
    if (name == "orphan-pts-master" && events->terminal) done = pass_terminal(*events);
    if (name == "setup-namespaces" && events->namespaces_made)
        done = events->namespaces_made(criu_notify_pid(argument));
    if (done) return 0;
    the_criu_call.failure = std::move(done).error();
    return -1;
}

criu_cg_mode cgroup_mode(CriuCgroups cgroups) {
    switch (cgroups) {
        case CriuCgroups::soft: return CRIU_CG_MODE_SOFT;
        case CriuCgroups::full: return CRIU_CG_MODE_FULL;
        case CriuCgroups::strict: return CRIU_CG_MODE_STRICT;
    }
    return CRIU_CG_MODE_SOFT;
}

criu_network_lock_method network_lock_method(CriuNetworkLock lock) {
    switch (lock) {
        case CriuNetworkLock::nftables: return CRIU_NETWORK_LOCK_NFTABLES;
        case CriuNetworkLock::skip: return CRIU_NETWORK_LOCK_SKIP;
        case CriuNetworkLock::iptables: break;
    }
    return CRIU_NETWORK_LOCK_IPTABLES;
}

Result<> check_criu(int status) { return status < 0 ? fail_errno(ENOMEM, "criu's options") : Result<>(); }

Result<> set_lists(const CriuRequest& request) {
    for (const auto& [key, value] : request.mounts) TRY(check_criu(criu_add_ext_mount(key.c_str(), value.c_str())));
    for (const auto& external : request.externals) TRY(check_criu(criu_add_external(external.c_str())));
    for (const auto& [fd, key] : request.inherited) TRY(check_criu(criu_add_inherit_fd(fd, key.c_str())));
    return {};
}

void set_flags(const CriuRequest& request) {
    criu_set_leave_running(request.leave_running);
    criu_set_tcp_established(request.tcp_established);
    criu_set_tcp_skip_in_flight(request.tcp_skip_in_flight);
    criu_set_ext_unix_sk(request.ext_unix_sk);
    criu_set_shell_job(request.shell_job);
    criu_set_file_locks(request.file_locks);
    criu_set_auto_dedup(request.auto_dedup);
    criu_set_link_remap(request.link_remap);
    // The other end of the container's terminal is with whoever has the console.
    criu_set_orphan_pts_master(true);
    if (request.empty_network) criu_set_empty_ns(CLONE_NEWNET);
    criu_set_manage_cgroups(true);
    criu_set_manage_cgroups_mode(cgroup_mode(request.cgroups));
}

Result<> set_up(const CriuRequest& request, const char* log) {
    const auto program = TRY(find_criu());
    TRY(check_criu(criu_init_opts()));
    TRY(check_criu(criu_set_service_binary(program.c_str())));
    const int recent = criu_check_version(kOldestCriu);
    if (recent < 0) return fail(Errc::unsupported, "criu does not work: " + program);
    if (recent == 0) return fail(Errc::unsupported, "criu is older than 3.16: " + program);
    criu_set_images_dir_fd(request.images.get());
    criu_set_work_dir_fd(request.work.get());
    TRY(check_criu(criu_set_log_file(log)));
    criu_set_log_level(kCriuLogLevel);
    if (request.pid != 0) criu_set_pid(request.pid);
    if (!request.root.empty()) TRY(check_criu(criu_set_root(request.root.c_str())));
    if (!request.parent.empty()) TRY(check_criu(criu_set_parent_images(request.parent.c_str())));
    if (!request.freezer.empty()) TRY(check_criu(criu_set_freeze_cgroup(request.freezer.c_str())));
    if (!request.cgroup.empty()) TRY(check_criu(criu_add_cg_root(nullptr, request.cgroup.c_str())));
    if (!request.lsm_profile.empty()) TRY(check_criu(criu_set_lsm_profile(request.lsm_profile.c_str())));
    if (!request.lsm_mount_context.empty())
        TRY(check_criu(criu_set_lsm_mount_context(request.lsm_mount_context.c_str())));
    TRY(check_criu(criu_set_network_lock(network_lock_method(request.network_lock))));
    set_flags(request);
    return set_lists(request);
}

/// What the log calls an error, the first one: the others follow from it.
std::string first_error(const CriuRequest& request, const char* log) {
    const auto text = kernel::read_document_at(request.work, log);
    const auto at = text ? text->find("Error (") : std::string::npos;
    if (at == std::string::npos) return {};
    auto line = text->substr(at, text->find('\n', at) - at);
    // Where in criu's source is for its authors.
    if (const auto end = line.find("): "); end != std::string::npos) line.erase(0, end + 3);
    return ": " + xctl::quoted(line);
}

std::unexpected<Error> criu_failure(const CriuRequest& request, const char* log, int status) {
    if (the_criu_call.failure) return std::unexpected(std::move(*the_criu_call.failure));
    return fail(Errc::system, "criu failed (" + std::to_string(status) + ")" + first_error(request, log) + "; see " +
                                  log + " in the work directory");
}

Result<int> call_criu(const CriuRequest& request, const char* log, const CriuEvents* events, int (*call)()) {
    the_criu_call = {.events = events, .failure = {}};
    TRY(set_up(request, log));
    criu_set_notify_cb(on_criu_event);
    const int status = call();
    if (status < 0) return criu_failure(request, log, status);
    return status;
}

}  // namespace

Result<std::string> find_criu() {
    const char* const path = ::getenv("PATH");
    const auto search = (path != nullptr ? std::string(path) + ":" : "") + std::string(plan::kDefaultPath);
    for (const auto& directory : split(search, ':')) {
        auto file = directory + "/criu";
        if (directory.starts_with('/') && ::access(file.c_str(), X_OK) == 0) return file;
    }
    return fail(Errc::unsupported, "criu is not installed");
}

Result<> criu_dump_tree(const CriuRequest& request) {
    TRY(call_criu(request, kDumpLog, nullptr, criu_dump));
    return {};
}

Result<> criu_dump_memory(const CriuRequest& request) {
    TRY(call_criu(request, kDumpLog, nullptr, [] {
        criu_set_track_mem(true);
        return criu_pre_dump();
    }));
    return {};
}

Result<pid_t> criu_restore_tree(const CriuRequest& request, const CriuEvents& events) {
    auto pid = call_criu(request, kRestoreLog, &events, [] {
        // The newer way takes propagation from the sources, which then have to be mounts and not private; what we give
        // it are files, and nothing that the container mounts may come out of it.
        criu_set_mntns_compat_mode(true);
        return criu_restore_child();
    });
    the_criu_call.events = nullptr;
    return pid;
}

}  // namespace xctl::runtime
