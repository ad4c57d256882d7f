// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptors that travel with a message, SCM_RIGHTS of unix(7). Nothing is allocated, so that the init may use it too.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <span>

namespace xctl::kernel::raw {

/// Room for the descriptors of one message; it must live as long as the message.
template <std::size_t Most>
class Rights {
public:
    /// Adds descriptors to a message that is to be sent: at most `Most`, and at least one.
    void put(msghdr& message, std::span<const int> fds) {
        message.msg_control = bytes_;
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    }

    /// Lets a message that is to be received bring descriptors.
    void expect(msghdr& message) {
        message.msg_control = bytes_;
        message.msg_controllen = sizeof bytes_;
    }

private:
    alignas(cmsghdr) char bytes_[CMSG_SPACE(Most * sizeof(int))] = {};
};

/// Hands over each descriptor that came with a message.
template <class Take>
void take_rights(msghdr& message, Take&& take) {
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        for (std::size_t at = 0; at + CMSG_LEN(sizeof(int)) <= header->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + at, sizeof fd);
            take(fd);
        }
    }
}

}  // namespace xctl::kernel::raw
