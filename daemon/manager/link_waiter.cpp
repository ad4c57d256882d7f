// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/link_waiter.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace xctl::manager {
namespace {

bool are_there(const std::vector<std::string>& names) {
    return std::ranges::all_of(names, [](const std::string& name) { return ::if_nametoindex(name.c_str()) != 0; });
}

}  // namespace

void LinkWaiter::wait(std::vector<std::string> names, std::function<void(Result<>)> done) {
    if (are_there(names)) return done({});
    if (!source_)
        if (auto watching = watch(); !watching) return done(std::move(watching));
    // One that came between the look and the watch is not announced any more.
    if (are_there(names)) return done({});
    waiting_.push_back({std::move(names), std::move(done)});
}

Result<> LinkWaiter::watch() {
    socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!socket_) return fail_errno(errno, "open a netlink socket");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail_errno(errno, "bind a netlink socket");
    source_ = TRY(loop_.add_io(socket_.get(), EPOLLIN, [this](std::uint32_t) { on_news(); }));
    return {};
}

/// What the messages say does not matter, nor whether some were lost: we look ourselves.
void LinkWaiter::on_news() {
    std::array<char, 4096> buffer;
    while (::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0 || errno == ENOBUFS) continue;
    std::list<Waiting> ready;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
        const auto next = std::next(it);
        if (are_there(it->names)) ready.splice(ready.end(), waiting_, it);
        it = next;
    }
    if (waiting_.empty()) {
        source_.reset();
        socket_.reset();
    }
    for (auto& waiter : ready) waiter.done({});
}

}  // namespace xctl::manager
