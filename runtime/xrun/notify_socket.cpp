// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/notify_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>

#include "lib/base/text.hpp"
#include "lib/kernel/notify.hpp"
#include "lib/plan/notify.hpp"

namespace xctl::runtime {
namespace {

constexpr mode_t kNotifyDirectoryMode = 0755;

std::string socket_of(const Store& store) { return store.inner_path(std::string("notify/") + plan::kNotifySocketName); }

bool says_ready(std::string_view message) {
    for (const auto& line : split(message, '\n'))
        if (line == "READY=1") return true;
    return false;
}

}  // namespace

bool has_notify_socket() {
    const char* const path = std::getenv("NOTIFY_SOCKET");
    return path != nullptr && *path != '\0';
}

Result<> add_notify_directory(const Store& store, plan::LaunchPlan& plan) {
    if (::mkdirat(store.directory().get(), "notify", kNotifyDirectoryMode) < 0) return fail_errno(errno, "mkdir notify");
    plan::add_notify_directory(plan, TRY(store.path()) + "/notify");
    return {};
}

Result<UniqueFd> bind_notify_socket(const Store& store) {
    return kernel::bind_notify_socket(socket_of(store));
}

Result<bool> pass_on_readiness(int socket, pid_t pid) {
    std::array<char, 4096> buffer;
    while (true) {
        const auto size = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) return false;
        if (!says_ready({buffer.data(), static_cast<std::size_t>(size)})) continue;
        TRY(kernel::notify("READY=1\nMAINPID=" + std::to_string(pid)));
        return true;
    }
}

Result<> await_readiness(int socket, const Record& record) {
    const auto init = open_init(record);
    if (!init) return {};
    while (true) {
        pollfd rows[] = {{.fd = socket, .events = POLLIN, .revents = 0},
                         {.fd = init->get(), .events = POLLIN, .revents = 0}};
        if (::poll(rows, std::size(rows), -1) < 0) continue;
        if (TRY(pass_on_readiness(socket, record.pid)) || rows[1].revents != 0) return {};
    }
}

}  // namespace xctl::runtime
