// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/line_stream.hpp"

#include <sys/socket.h>

#include <utility>

#include "lib/kernel/socket.hpp"

namespace xctl::transport {

Result<UniqueFd> LineStream::open(kernel::EventLoop& loop, std::function<void()> on_gone) {
    auto [ours, theirs] = TRY(kernel::make_socket_pair(SOCK_STREAM));
    // EPOLLHUP is told unasked.
    source_ = TRY(loop.add_io(ours.get(), 0, [this](std::uint32_t) {
        source_.reset();
        if (const auto gone = std::exchange(on_gone_, nullptr)) gone();
    }));
    socket_ = std::move(ours);
    on_gone_ = std::move(on_gone);
    return std::move(theirs);
}

bool LineStream::send(const std::string& line) const {
    return ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(line.size());
}

}  // namespace xctl::transport
