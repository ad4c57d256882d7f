// SPDX-License-Identifier: LGPL-2.1-or-later
// The dispatcher takes a call that a transport has decoded. It checks access, notes whether the caller is still there,
// takes the way that the verb's row and the caller's manner ask for, and sends the answers to a sink.
#pragma once

#include <list>

#include "daemon/dispatch/access.hpp"
#include "daemon/dispatch/call.hpp"
#include "daemon/dispatch/callers.hpp"
#include "daemon/dispatch/handlers.hpp"
#include "daemon/dispatch/parts.hpp"
#include "daemon/dispatch/repeater.hpp"
#include "daemon/dispatch/reply_sink.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::dispatch {

class Dispatcher {
public:
    Dispatcher(kernel::EventLoop& loop, Handlers& handlers, Authority& authority);
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;

    void dispatch(Call call, Sink sink);
    /// Goes to everybody who has called `events`.
    void publish(const api::Event& event);

private:
    struct Subscriber {
        Sink sink;
        Presence caller;
    };

    void call_one(Call call, Sink sink);
    void call_each(const Call& call, const Sink& sink);
    void route(Manner manner, api::Request request, const Sink& sink);
    void subscribe(const api::Request& request, const Sink& sink);
    void forget_departed();

    Handlers& handlers_;
    Access access_;
    Callers callers_;
    Repeater repeater_;
    Parts parts_;
    std::list<Subscriber> subscribers_;
};

}  // namespace xctl::dispatch
