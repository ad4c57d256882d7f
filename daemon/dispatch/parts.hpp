// SPDX-License-Identifier: LGPL-2.1-or-later
// Long lists, sent in parts.
//
// Each part goes in a turn of the loop of its own: the client reads it while the next is made, and nobody waits for all
// of them. What a transport needs for a part serves the next one as well, here and in the client.
#pragma once

#include <list>

#include "daemon/dispatch/reply_sink.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::dispatch {

class Parts {
public:
    static constexpr std::size_t kRows = 16;  // of a part

    explicit Parts(kernel::EventLoop& loop) : loop_(loop) {}

    /// The first of the verb's outputs is the list.
    void start(Sink sink, api::Reply reply);

private:
    struct Delivery {
        Sink sink;
        api::Reply whole;
        std::size_t next = 0;  // row that has not been sent
        kernel::EventSource turn;
    };

    void send(Delivery& delivery);

    kernel::EventLoop& loop_;
    std::list<Delivery> deliveries_;
};

}  // namespace xctl::dispatch
