// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/health/payload_notify.hpp"

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

namespace xctl::health {
namespace {

constexpr const char* kDirectory = "notify";
constexpr mode_t kDirectoryMode = 0755;

constexpr std::size_t kMaxNotification = 4096;  // as systemd has it
constexpr int kMostAtOnce = 64;  // a container that never stops talking does not keep us from the others

const NotifyKey* find_key(std::string_view line) {
    const auto found = std::ranges::find_if(kNotifyKeys, [&](const NotifyKey& key) {
        return key.word.ends_with('=') ? line.starts_with(key.word) : line == key.word;
    });
    return found == std::end(kNotifyKeys) ? nullptr : &*found;
}

}  // namespace

Notification parse_notification(std::string_view message) {
    Notification said;
    for (const auto& line : split(message, '\n'))
        // systemd refuses a status that is not UTF-8, and systemctl shows it on a terminal.
        if (const auto* key = find_key(line)) said.words.push_back({printable(line), key->use});
    return said;
}

std::string message_to_systemd(const Notification& said, bool ready_decides, bool watchdog_decides) {
    std::vector<std::string> lines;
    for (const auto& [text, use] : said.words)
        if (use == NotifyUse::passed || (use == NotifyUse::ready ? ready_decides : watchdog_decides))
            lines.push_back(text);
    return join(lines, "\n");
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
    for (int i = 0; i < kMostAtOnce; ++i)
        if (!take_one()) return;
}

/// A message leaves the socket when it has been dealt with: if we are killed before, the next daemon finds it there.
/// Without room for them, descriptors that came along are closed by the kernel when it leaves, and that is what those
/// wait for who sent BARRIER=1.
bool PayloadNotify::take_one() {
    std::array<char, kMaxNotification> buffer;
    const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
    if (size < 0) return false;
    const auto length = static_cast<std::size_t>(size);
    if (length <= buffer.size()) listener_(parse_notification({buffer.data(), length}));
    return ::recv(socket_.get(), nullptr, 0, MSG_DONTWAIT) >= 0;
}

Result<> notify_unit_of(pid_t pid, std::string_view text) {
    const int result = ::sd_pid_notify(pid, 0, std::string(text).c_str());
    if (result < 0) return fail_errno(-result, "notify systemd");
    return {};
}

}  // namespace xctl::health
