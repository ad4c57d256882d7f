// SPDX-License-Identifier: LGPL-2.1-or-later
// Takes the connections of a listening socket, also while there are no descriptors left.
//
// sd-event switches a source off for good when its handler fails, and a handler that ignores the failure of accept(2)
// is called again at once. So a descriptor is kept in reserve: with it the next connection is taken, and whoever serves
// the socket decides whether somebody has to go.
#pragma once

#include <functional>
#include <string>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class Acceptor {
public:
    enum class Room : unsigned char {
        enough,
        none,  // the connection has the reserve: close it, or something else
    };
    /// The connection does not block and is close-on-exec.
    using Taker = std::function<void(UniqueFd connection, Room room)>;

    Acceptor(kernel::EventLoop& loop, std::string what, Taker taker)
        : loop_(loop), what_(std::move(what)), taker_(std::move(taker)) {}

    /// `socket` listens; systemd passed it.
    Result<> start(UniqueFd socket);

private:
    void on_connection();
    void refill();
    void rest();

    kernel::EventLoop& loop_;
    std::string what_;  // for the log
    Taker taker_;
    UniqueFd socket_;
    UniqueFd reserve_;
    bool told_ = false;
    kernel::EventSource source_;
    kernel::EventSource rest_;
};

}  // namespace xctl::transport
