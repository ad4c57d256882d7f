// SPDX-License-Identifier: LGPL-2.1-or-later
// A call that is made again and again, for somebody who watches.
#pragma once

#include <functional>
#include <list>

#include "daemon/manager/manager.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class Repeater {
public:
    /// False: whoever watched has left. An error is the last that it gets.
    using Sink = std::function<bool(Result<api::Reply>)>;

    Repeater(kernel::EventLoop& loop, manager::Manager& manager) : loop_(loop), manager_(manager) {}

    /// At once, and then at the request's interval, until the call fails or nobody watches.
    void start(const api::VerbRow& verb, api::Request request, Sink sink);
    /// Not from within a sink.
    void forget_departed();

private:
    struct Watch {
        const api::VerbRow& verb;
        api::Request request;
        Sink sink;
        std::chrono::microseconds interval;
        kernel::EventSource timer;
    };

    void turn(Watch& watch);
    void end(const Watch& watch);

    kernel::EventLoop& loop_;
    manager::Manager& manager_;
    std::list<Watch> watches_;
};

}  // namespace xctl::transport
