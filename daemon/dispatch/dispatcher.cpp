// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/dispatch/dispatcher.hpp"

#include <utility>

#include "daemon/dispatch/several.hpp"

namespace xctl::dispatch {
namespace {

/// Whether the answer can take as long as a container runs.
bool may_wait_long(const Call& call) {
    switch (call.verb.answers) {
        case api::Answers::late:
        case api::Answers::progress:
        case api::Answers::events: return true;
        case api::Answers::once:
        case api::Answers::in_parts: break;
    }
    return call.manner == Manner::repeated && api::repeats(call.verb);
}

/// A plain call gets only the last answer of a job.
Handlers::Progress reports_to(const Sink& sink, Manner manner) {
    if (manner != Manner::repeated || sink->verb().answers != api::Answers::progress) return {};
    return [sink](api::Reply reply) { return sink->part(reply); };
}

}  // namespace

Dispatcher::Dispatcher(kernel::EventLoop& loop, Handlers& handlers, Authority& authority)
    : handlers_(handlers),
      access_(authority),
      callers_(loop, [this] { forget_departed(); }),
      repeater_(loop, handlers),
      parts_(loop) {}

void Dispatcher::dispatch(Call call, Sink sink) {
    call.request.context.peer = call.caller.peer;
    if (may_wait_long(call)) call.request.context.caller = sink->attend(callers_);
    if (call.names.empty()) return call_one(std::move(call), std::move(sink));
    if (auto sound = check_names(call.verb, call.names); !sound) return sink->refuse(std::move(sound).error());
    call_each(call, sink);
}

void Dispatcher::call_one(Call call, Sink sink) {
    const auto request = std::make_shared<api::Request>(std::move(call.request));
    access_.check(call.verb, *request, call.caller, [this, manner = call.manner, request, sink](Result<> allowed) {
        if (!allowed) return sink->refuse(std::move(allowed).error());
        // While polkit was asked. A transport tells of a departure once.
        if (!request->context.caller.has_left()) route(manner, std::move(*request), sink);
    });
}

void Dispatcher::call_each(const Call& call, const Sink& sink) {
    const auto outcomes = std::make_shared<Outcomes>(call.names, sink);
    for (std::size_t i = 0; i < call.names.size(); ++i) {
        const auto request = std::make_shared<api::Request>(call.request);
        if (auto* name = api::name_in(*request)) *name = call.names[i];
        const auto note = [outcomes, i](const auto& result) {
            result ? outcomes->succeeded() : outcomes->failed(i, result.error());
        };
        access_.check(call.verb, *request, call.caller, [this, &verb = call.verb, request, note](Result<> allowed) {
            if (!allowed) return note(allowed);
            if (!request->context.caller.has_left()) handlers_.call(verb, std::move(*request), {}, note);
        });
    }
}

void Dispatcher::route(Manner manner, api::Request request, const Sink& sink) {
    const auto& verb = sink->verb();
    const bool takes_several = manner == Manner::repeated;
    if (verb.answers == api::Answers::events) return subscribe(request, sink);
    if (takes_several && api::repeats(verb)) return repeater_.start(std::move(request), sink);
    const auto in_parts = takes_several && api::comes_in_parts(verb);
    handlers_.call(verb, std::move(request), reports_to(sink, manner), [this, sink, in_parts](Result<api::Reply> reply) {
        if (!reply) return sink->refuse(std::move(reply).error());
        if (in_parts) return parts_.start(sink, std::move(*reply));
        sink->answer(std::move(*reply));
    });
}

void Dispatcher::subscribe(const api::Request& request, const Sink& sink) {
    if (sink->begin()) subscribers_.push_back({sink, request.context.caller});
}

void Dispatcher::publish(const api::Event& event) {
    if (subscribers_.empty()) return;
    api::Reply reply;
    reply.event = event;
    subscribers_.remove_if([&](const Subscriber& row) { return row.caller.has_left() || !row.sink->part(reply); });
}

void Dispatcher::forget_departed() {
    handlers_.forget_departed();
    repeater_.forget_departed();
    subscribers_.remove_if([](const Subscriber& row) { return row.caller.has_left(); });
}

}  // namespace xctl::dispatch
