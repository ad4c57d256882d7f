// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/payload_notify.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <format>
#include <system_error>

#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/notify.hpp"
#include "lib/plan/notify.hpp"

namespace xctl {
namespace {

constexpr const char* kDirectory = "notify";
constexpr mode_t kDirectoryMode = 0755;

/// MAINPID, FDSTORE and their like would speak about the host's side of the unit.
/// READY=1 and WATCHDOG=1 are what readiness and health make of them.
constexpr std::array<std::string_view, 4> kPassedOn{"STOPPING=1", "RELOADING=1", "STATUS=", "MONOTONIC_USEC="};
constexpr std::size_t kMaxNotification = 4096;
constexpr int kMostAtOnce = 64;  // a container that never stops talking does not keep us from the others

bool is_passed_on(std::string_view line) {
    return std::ranges::any_of(kPassedOn, [&](std::string_view word) {
        return word.ends_with('=') ? line.starts_with(word) : line == word;
    });
}

}  // namespace

Notification parse_notification(std::string_view message) {
    Notification said;
    for (const auto& line : split(message, '\n')) {
        said.ready |= line == "READY=1";
        said.watchdog |= line == "WATCHDOG=1";
        // systemd refuses a status that is not UTF-8, and systemctl shows it on a terminal.
        if (is_passed_on(line)) said.passed_on.push_back(printable(line));
    }
    return said;
}

Result<UniqueFd> PayloadNotify::bind(int run_directory) {
    const auto path = TRY(kernel::read_fd_path(run_directory)) + "/" + kDirectory;
    // Made anew: nobody who still has the directory of an earlier run can do anything in this one.
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return fail_errno(error.value(), "remove " + path);
    if (::mkdirat(run_directory, kDirectory, kDirectoryMode) < 0) return fail_errno(errno, "mkdir " + path);
    return kernel::bind_notify_socket(path + "/" + plan::kNotifySocketName);
}

Result<> PayloadNotify::add_to(plan::LaunchPlan& plan, int run_directory) {
    plan::add_notify_directory(plan, TRY(kernel::read_fd_path(run_directory)) + "/" + kDirectory);
    return {};
}

Result<> PayloadNotify::listen(kernel::EventLoop& loop, Listener listener) {
    listener_ = std::move(listener);
    source_ = TRY(loop.add_io(socket_.get(), EPOLLIN, [this](std::uint32_t) { on_readable(); }));
    return {};
}

void PayloadNotify::on_readable() {
    std::array<char, kMaxNotification> buffer;
    for (int i = 0; i < kMostAtOnce; ++i) {
        // Without room for them, descriptors that came along are closed by the kernel.
        const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) return;
        listener_(parse_notification({buffer.data(), static_cast<std::size_t>(size)}));
    }
}

Result<> notify_unit_of(pid_t pid, std::string_view text) {
    const int result = ::sd_pid_notify(pid, 0, std::string(text).c_str());
    if (result < 0) return fail_errno(-result, "notify systemd");
    return {};
}

}  // namespace xctl
