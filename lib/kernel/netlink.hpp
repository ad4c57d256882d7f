// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests to the kernel and its answers: netlink(7), rtnetlink(7).
#pragma once

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/namespaces.hpp"

namespace xctl::kernel::netlink {

/// Attributes of a message, each aligned.
template <class Visit>
void for_each_attribute(std::string_view bytes, Visit&& visit) {
    while (bytes.size() >= sizeof(rtattr)) {
        rtattr attribute{};
        std::memcpy(&attribute, bytes.data(), sizeof attribute);
        if (attribute.rta_len < sizeof attribute || attribute.rta_len > bytes.size()) return;
        visit(attribute.rta_type, bytes.substr(RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0)));
        bytes.remove_prefix(std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), bytes.size()));
    }
}

/// The header of its family that a message's payload begins with.
template <class Header>
std::optional<Header> header_of(std::string_view payload) {
    Header header{};
    if (payload.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, payload.data(), sizeof header);
    return header;
}

template <class Header>
std::string_view attributes_behind(std::string_view payload) {
    return payload.substr(std::min<std::size_t>(NLMSG_ALIGN(sizeof(Header)), payload.size()));
}

template <class Header>
class Request {
public:
    Request(std::uint16_t type, std::uint16_t flags, const Header& header) {
        nlmsghdr start{};
        start.nlmsg_type = type;
        start.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
        add(&start, sizeof start);
        add(&header, sizeof header);
    }
    Request& attribute(std::uint16_t type, std::string_view value) {
        rtattr start{};
        start.rta_type = type;
        start.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size()));
        add(&start, sizeof start);
        add(value.data(), value.size());
        return *this;
    }
    Request& number(std::uint16_t type, std::uint32_t value) {
        return attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
    }
    const std::string& bytes() {
        const auto size = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &size, sizeof size);
        return bytes_;
    }

private:
    void add(const void* data, std::size_t size) {
        bytes_.append(static_cast<const char*>(data), size);
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }
    std::string bytes_;
};

using Visitor = std::function<void(std::uint16_t type, std::string_view payload)>;

/// The errno in the payload of NLMSG_ERROR (0: an acknowledgement) or of NLMSG_DONE, where it may be missing.
inline int final_error(std::uint16_t type, std::string_view payload) {
    const auto error = header_of<int>(payload);
    if (!error) return type == NLMSG_DONE ? 0 : EPROTO;
    constexpr int kLastErrno = 4095;
    return *error <= 0 && *error >= -kLastErrno ? -*error : EPROTO;
}

/// Visits the messages of a datagram. The errno of the kernel's last word, if that was among them; EPROTO if a message
/// has no valid length.
inline std::optional<int> take_messages(std::string_view messages, const Visitor& visit) {
    while (messages.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, messages.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > messages.size()) return EPROTO;
        const auto payload = messages.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
        if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR)
            return final_error(header.nlmsg_type, payload);
        visit(header.nlmsg_type, payload);
        messages.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), messages.size()));
    }
    return std::nullopt;
}

class Socket {
public:
    static Result<Socket> open(int protocol = NETLINK_ROUTE) {
        Socket out;
        out.socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
        if (!out.socket_) return fail_errno(errno, "netlink socket");
        return out;
    }

    /// Of another network namespace, as make_socket_in() has it: a socket belongs to the one that it was made in.
    static Result<Socket> open_inside(int network) {
        Socket out;
        out.socket_ = TRY(make_socket_in(network, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink socket");
        return out;
    }

    /// Until the kernel's acknowledgement.
    template <class Header>
    Result<> ask(Request<Header> request, std::string_view what) {
        return exchange(request.bytes(), what, [](std::uint16_t, std::string_view) {});
    }

    template <class Header>
    Result<> dump(Request<Header> request, std::string_view what, const Visitor& visit) {
        return exchange(request.bytes(), what, visit);
    }

private:
    Result<> exchange(const std::string& bytes, std::string_view what, const Visitor& visit) {
        if (::send(socket_.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno(errno, what);
        std::vector<char> buffer(std::size_t{64} << 10);
        while (true) {
            const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return fail_errno(errno, what);
            const auto error = take_messages({buffer.data(), static_cast<std::size_t>(size)}, visit);
            if (error && *error != 0) return fail_errno(*error, what);
            if (error) return {};
        }
    }

    UniqueFd socket_;
};

}  // namespace xctl::kernel::netlink
