// SPDX-License-Identifier: LGPL-2.1-or-later
// A call that is made again and again, for somebody who watches.
#pragma once

#include <list>

#include "daemon/dispatch/handlers.hpp"
#include "daemon/dispatch/reply_sink.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::dispatch {

class Repeater {
public:
    Repeater(kernel::EventLoop& loop, Handlers& handlers) : loop_(loop), handlers_(handlers) {}

    /// At once, and then at the request's interval, until the call fails or nobody watches.
    void start(api::Request request, Sink sink);
    /// Not from within a sink.
    void forget_departed();

private:
    struct Watch {
        api::Request request;
        Sink sink;
        std::chrono::microseconds interval;
        kernel::EventSource timer;
    };

    void turn(Watch& watch);
    void end(const Watch& watch);

    kernel::EventLoop& loop_;
    Handlers& handlers_;
    std::list<Watch> watches_;
};

}  // namespace xctl::dispatch
