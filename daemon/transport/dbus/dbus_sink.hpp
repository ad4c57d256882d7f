// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers over D-Bus: one message, or a stream of lines whose descriptor is the message.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include "daemon/dispatch/reply_sink.hpp"
#include "daemon/transport/dbus/dbus_senders.hpp"
#include "daemon/transport/line_stream.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::transport {

class DbusSink : public dispatch::ReplySink {
public:
    DbusSink(const api::VerbRow& verb, sdbus::MethodCall call, DbusSenders& senders)
        : ReplySink(verb), call_(std::move(call)), senders_(senders) {}

    [[nodiscard]] Presence attend(dispatch::Callers& callers) override;

private:
    Result<> send_answer(api::Reply& reply) override;
    /// A message has one reply.
    Result<> send_part(api::Reply&) override { return fail(Errc::unsupported, "there is no stream for it"); }
    void send_error(const Error& error) override;

    sdbus::MethodCall call_;
    DbusSenders& senders_;
};

/// The stream begins with the first part. A listener that has gone, or does not read, is dropped.
class DbusStreamSink final : public dispatch::ReplySink {
public:
    DbusStreamSink(const api::VerbRow& verb, sdbus::MethodCall call, kernel::EventLoop& loop)
        : ReplySink(verb), call_(std::move(call)), loop_(loop) {}

    [[nodiscard]] Presence attend(dispatch::Callers& callers) override;

private:
    Result<> send_answer(api::Reply& reply) override { return send_part(reply); }
    Result<> send_part(api::Reply& reply) override;
    Result<> send_beginning() override;
    void send_error(const Error& error) override;

    sdbus::MethodCall call_;
    kernel::EventLoop& loop_;
    dispatch::Callers::Ticket ticket_;
    LineStream stream_;
    bool has_begun_ = false;  // the call has its reply
};

}  // namespace xctl::transport
