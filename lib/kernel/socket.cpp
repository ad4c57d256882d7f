// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/socket.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "lib/kernel/rights.hpp"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace xctl::kernel {
namespace {

Result<sockaddr_un> make_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail_errno(ENAMETOOLONG, "socket " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

Result<UniqueFd> make_socket(int type) {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno(errno, "socket");
    return fd;
}

Result<> set_timeout(int socket, int option, std::chrono::milliseconds timeout) {
    const timeval value{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
    if (::setsockopt(socket, SOL_SOCKET, option, &value, sizeof value) < 0)
        return fail_errno(errno, "setsockopt for a timeout");
    return {};
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type) {
    int fds[2];
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0) return fail_errno(errno, "socketpair");
    return std::pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<UniqueFd> connect_unix(const std::string& path, int type, std::chrono::milliseconds timeout) {
    const auto address = TRY(make_address(path));
    auto socket = TRY(make_socket(type));
    TRY(set_timeout(socket.get(), SO_SNDTIMEO, timeout));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail_errno(errno, "connect to " + path);
    return socket;
}

Result<UniqueFd> bind_unix(const std::string& path, int type, mode_t mode) {
    const auto address = TRY(make_address(path));
    auto socket = TRY(make_socket(type));
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) return fail_errno(errno, "unlink " + path);
    // Linux gives the socket file the mode of the socket itself, less the umask.
    if (::fchmod(socket.get(), mode) < 0) return fail_errno(errno, "fchmod of the socket " + path);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail_errno(errno, "bind " + path);
    return socket;
}

Result<UniqueFd> listen_unix(const std::string& path, int type, mode_t mode, int backlog) {
    auto socket = TRY(bind_unix(path, type, mode));
    if (::listen(socket.get(), backlog) < 0) return fail_errno(errno, "listen on " + path);
    return socket;
}

Result<> set_receive_timeout(int socket, std::chrono::milliseconds timeout) {
    return set_timeout(socket, SO_RCVTIMEO, timeout);
}

Result<> send_with_fds(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
    if (fds.size() > kMaxFdsPerMessage) return fail_errno(EMSGSIZE, "sendmsg");
    iovec data{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    raw::Rights<kMaxFdsPerMessage> rights;
    if (!fds.empty()) rights.put(message, fds);
    ssize_t sent = 0;
    do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno(errno, "sendmsg");
    if (static_cast<std::size_t>(sent) != bytes.size()) return fail_errno(EMSGSIZE, "sendmsg");
    return {};
}

Result<Packet> receive_with_fds(int socket, std::span<std::byte> buffer) {
    iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    raw::Rights<kMaxFdsPerMessage> rights;
    rights.expect(message);
    ssize_t size = 0;
    do size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0) return fail_errno(errno, "recvmsg");
    Packet packet{static_cast<std::size_t>(size), {}};
    raw::take_rights(message, [&](int fd) { packet.fds.emplace_back(fd); });
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail_errno(EMSGSIZE, "recvmsg");
    return packet;
}

Result<Peer> read_peer(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
        return fail_errno(errno, "SO_PEERCRED");
    Peer peer{credentials.pid, credentials.uid, credentials.gid, UniqueFd()};
    int pidfd = -1;
    size = sizeof pidfd;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0) peer.pidfd.reset(pidfd);
    return peer;
}

}  // namespace xctl::kernel
