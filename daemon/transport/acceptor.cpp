// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/acceptor.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <format>

#include "lib/base/log.hpp"

namespace xctl::transport {
namespace {

/// Until the socket is looked at again when not even the reserve is there.
constexpr std::chrono::milliseconds kRest{200};

UniqueFd accept_from(const UniqueFd& socket) {
    return UniqueFd(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace

Result<> Acceptor::start(UniqueFd socket) {
    socket_ = std::move(socket);
    // Another process may take the connection first: accept(2) must not wait for one then.
    if (const int flags = ::fcntl(socket_.get(), F_GETFL); flags < 0 || ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(errno, "make a listening socket not block");
    refill();
    source_ = TRY(loop_.add_io(socket_.get(), EPOLLIN, [this](std::uint32_t) { on_connection(); }));
    return {};
}

void Acceptor::on_connection() {
    auto connection = accept_from(socket_);
    if (connection) {
        told_ = false;
        if (!reserve_) refill();
        return taker_(std::move(connection), Room::enough);
    }
    if (!is_shortage(errno)) return;
    if (!told_) log_warning(std::format("{}: {}; connections are refused", what_, errno_text(errno)));
    told_ = true;
    reserve_.reset();
    if (connection = accept_from(socket_); connection) taker_(std::move(connection), Room::none);
    refill();
    if (!reserve_) rest();
}

void Acceptor::refill() { reserve_.reset(::open("/", O_PATH | O_CLOEXEC)); }

/// A peer in the queue of the socket waits meanwhile.
void Acceptor::rest() {
    loop_.arm(rest_, kRest, [this](std::uint32_t) {
        rest_.reset();
        source_.set_events(EPOLLIN);
    });
    source_.set_events(0);
}

}  // namespace xctl::transport
