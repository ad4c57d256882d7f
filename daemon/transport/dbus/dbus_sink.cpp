// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/dbus/dbus_sink.hpp"

#include "api/errors.hpp"
#include "daemon/transport/dbus/dbus_message.hpp"
#include "daemon/transport/event_json.hpp"

namespace xctl::transport {
namespace {

void send_error_reply(const sdbus::MethodCall& call, const Error& error) {
    const auto name = std::string(api::kDbusErrorPrefix) + std::string(api::error_row(error.code).name);
    try_to([&] { call.createErrorReply(sdbus::Error(sdbus::Error::Name(name), error.message)).send(); });
}

/// Events stand alone in their stream; answers are objects, as on varlink.
std::string line_of(const api::VerbRow& verb, const api::Reply& reply) {
    return verb.answers == api::Answers::events ? to_json_line(reply.event) : to_json_line(verb, reply);
}

}  // namespace

Presence DbusSink::attend(dispatch::Callers& callers) {
    return Presence(senders_.ticket_of(call_.getSender(), callers));
}

Result<> DbusSink::send_answer(api::Reply& reply) {
    return attempt([&] {
        auto message = call_.createReply();
        append_reply(message, verb(), reply);
        message.send();
    });
}

void DbusSink::send_error(const Error& error) { send_error_reply(call_, error); }

/// The stream has the ticket, and whoever is forgotten has the stream.
Presence DbusStreamSink::attend(dispatch::Callers& callers) {
    ticket_ = callers.welcome();
    return Presence(ticket_);
}

Result<> DbusStreamSink::send_beginning() {
    const auto reader = TRY(stream_.open(loop_, [this] { ticket_.reset(); }));
    TRY(attempt([&] {
        auto message = call_.createReply();
        message << sdbus::UnixFd(reader.get());
        message.send();
    }));
    has_begun_ = true;
    return {};
}

Result<> DbusStreamSink::send_part(api::Reply& reply) {
    if (!has_begun_) TRY(send_beginning());
    if (!stream_.send(line_of(verb(), reply))) return fail(Errc::system, "nobody reads the stream");
    return {};
}

void DbusStreamSink::send_error(const Error& error) {
    if (!has_begun_) send_error_reply(call_, error);
}

}  // namespace xctl::transport
