// SPDX-License-Identifier: LGPL-2.1-or-later
// Unix sockets, descriptors as SCM_RIGHTS, and who the peer is: unix(7). All descriptors are close-on-exec.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel {

/// `type` is SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM, with SOCK_NONBLOCK if wanted.
Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair(int type);

/// The timeout bounds the wait for a place in the listener's queue, and each later send; zero means none.
Result<UniqueFd> connect_unix(const std::string& path, int type, std::chrono::milliseconds timeout = {});

/// Replaces a stale socket file; the file gets `mode`, less the umask.
Result<UniqueFd> bind_unix(const std::string& path, int type, mode_t mode);
Result<UniqueFd> listen_unix(const std::string& path, int type, mode_t mode, int backlog = SOMAXCONN);

/// Errno is EAGAIN when a receive that waited this long is given up; zero means to wait for ever.
Result<> set_receive_timeout(int socket, std::chrono::milliseconds timeout);

inline constexpr std::size_t kMaxFdsPerMessage = 32;

/// One message. Never raises SIGPIPE. A short write of a stream is an error (EMSGSIZE).
Result<> send_with_fds(int socket, std::span<const std::byte> bytes, std::span<const int> fds);

struct Packet {
    std::size_t size = 0;  // 0: end of file
    std::vector<UniqueFd> fds;
};

/// One message into `buffer`. A message or a set of descriptors that did not fit is EMSGSIZE.
Result<Packet> receive_with_fds(int socket, std::span<std::byte> buffer);

struct Peer {
    pid_t pid = -1;
    uid_t uid = 0;
    gid_t gid = 0;
    UniqueFd pidfd;  // empty when the kernel cannot say (before Linux 6.5, or the peer is gone)
};

Result<Peer> read_peer(int socket);

}  // namespace xctl::kernel
