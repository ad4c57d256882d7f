// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/notify.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>

#include "lib/kernel/socket.hpp"

namespace xctl::kernel {
namespace {

/// Connected to the manager, or empty when nobody wants to be notified.
Result<std::optional<UniqueFd>> connect_manager() {
    const char* const path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return std::nullopt;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto size = std::strlen(path);
    if (size >= sizeof address.sun_path) return fail_errno(ENAMETOOLONG, "NOTIFY_SOCKET");
    std::memcpy(address.sun_path, path, size);
    // '@' stands for the null byte of an abstract address, whose length must be exact.
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno(errno, "socket");
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0)
        return fail_errno(errno, "connect to NOTIFY_SOCKET");
    return socket;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

Result<> notify(std::string_view text) {
    const auto socket = TRY(connect_manager());
    if (!socket) return {};
    return send_with_fds(socket->get(), bytes_of(text), {});
}

Result<> notify_barrier(std::chrono::milliseconds timeout) {
    const auto socket = TRY(connect_manager());
    if (!socket) return {};
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
    const UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const int fds[] = {theirs.get()};
    TRY(send_with_fds(socket->get(), bytes_of("BARRIER=1"), fds));
    theirs.reset();
    // The manager closes its copy when it has come to our message; that is the hangup.
    pollfd wait{.fd = ours.get(), .events = 0, .revents = 0};
    int ready = 0;
    do ready = ::poll(&wait, 1, static_cast<int>(timeout.count()));
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return fail_errno(errno, "poll");
    if (ready == 0) return fail(Errc::timeout, "the service manager does not answer");
    return {};
}

Result<UniqueFd> bind_notify_socket(const std::string& path) {
    constexpr mode_t kMode = 0777;
    // The file gets its mode when it is bound: changing it later would follow whatever has taken its place.
    const mode_t before = ::umask(0);
    auto socket = bind_unix(path, SOCK_DGRAM | SOCK_NONBLOCK, kMode);
    ::umask(before);
    return socket;
}

}  // namespace xctl::kernel
