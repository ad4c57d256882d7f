// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/pidfd.hpp"

#include <sys/ioctl.h>

#include <cstdint>

#include "lib/base/text.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/raw.hpp"

namespace xctl::kernel {
namespace {

/// The first published layout of struct pidfd_info; the C library's headers may be older than the kernel.
struct PidfdInfo {
    std::uint64_t mask = 0;
    std::uint64_t cgroup_id = 0;
    std::uint32_t pid = 0, tgid = 0, ppid = 0;
    std::uint32_t ids[8] = {};
    std::int32_t exit_code = 0;  // as of wait(2)
};
static_assert(sizeof(PidfdInfo) == 64);

constexpr std::uint64_t kInfoExit = 1U << 3;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);

bool probe_exit_info() {
    auto child = clone_process({.flags = 0, .exit_signal = 0});
    if (!child) return false;
    if (child->pid == 0) raw::call<SYS_exit_group>(0);
    if (!wait_exit(child->pidfd)) return false;
    const auto info = read_exit_info(child->pidfd);
    return info && info->has_value();
}

}  // namespace

Result<std::optional<ExitStatus>> read_exit_info(PidFd pidfd) {
    PidfdInfo info{.mask = kInfoExit};
    if (::ioctl(pidfd.get(), kGetInfo, &info) < 0) {
        // Before the process was reaped there is nothing to tell, and with it gone for us, ESRCH.
        return fail_errno(errno, "PIDFD_GET_INFO");
    }
    if ((info.mask & kInfoExit) == 0) return std::nullopt;
    return exit_status_from_wait(info.exit_code);
}

Result<pid_t> read_pidfd_pid(PidFd pidfd) {
    const auto info = TRY(read_file_at(kCurrentDirectory, "/proc/self/fdinfo/" + std::to_string(pidfd.get())));
    for (const auto& line : split(info, '\n')) {
        if (!line.starts_with("Pid:\t")) continue;
        // -1 once it was reaped, 0 for a process of a foreign pid namespace.
        if (const auto pid = parse_unsigned(std::string_view(line).substr(5)); pid && *pid > 0)
            return static_cast<pid_t>(*pid);
        return fail_errno(ESRCH, "the pidfd's process");
    }
    return fail_errno(EBADF, "the pidfd's process");
}

bool has_exit_info() {
    static const bool answer = probe_exit_info();
    return answer;
}

}  // namespace xctl::kernel
