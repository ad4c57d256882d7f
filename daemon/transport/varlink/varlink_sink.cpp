// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/transport/varlink/varlink_sink.hpp"

#include "api/errors.hpp"
#include "api/sd_json.hpp"

namespace xctl::transport {
namespace {

using api::SdJsonObject;
using api::SdJsonWriter;

/// An answer with a descriptor is small, so that none is left for an error to carry.
Result<> send(sd_varlink* link, const api::VerbRow& verb, api::Reply& reply, int (*how)(sd_varlink*, sd_json_variant*)) {
    SdJsonWriter writer;
    SdJsonObject json;
    TRY(api::write_reply(writer, json, verb, reply, [&](std::string_view name, UniqueFd& fd) -> Result<> {
        const int index = sd_varlink_push_fd(link, fd.get());
        if (index < 0) return fail_errno(-index, "pass the descriptor");
        (void)fd.release();
        json.add(name, SdJsonWriter::number(std::int64_t{index}));
        return {};
    }));
    const int result = json.get() != nullptr ? how(link, json.get()) : -ENOMEM;
    if (result >= 0) return {};
    return std::unexpected(Error{Errc::system, -result, errno_text(-result), {}, {}});
}

}  // namespace

VarlinkSink::VarlinkSink(const api::VerbRow& verb, sd_varlink* link, VarlinkTickets& tickets)
    : ReplySink(verb), link_(sd_varlink_ref(link)), tickets_(tickets) {}

Presence VarlinkSink::attend(dispatch::Callers& callers) {
    return Presence(tickets_[link_.get()] = callers.welcome());
}

Result<> VarlinkSink::send_answer(api::Reply& reply) { return send(link_.get(), verb(), reply, sd_varlink_reply); }

/// A subscriber that does not read reaches sd-varlink's own limit, and is cut off.
Result<> VarlinkSink::send_part(api::Reply& reply) {
    auto sent = send(link_.get(), verb(), reply, sd_varlink_notify);
    if (!sent && verb().answers == api::Answers::events) (void)sd_varlink_close(link_.get());
    return sent;
}

void VarlinkSink::send_error(const Error& error) {
    SdJsonObject json;
    json.add("message", SdJsonWriter::text(error.message));
    json.add("step", SdJsonWriter::text(error.step));
    json.add("path", SdJsonWriter::text(error.path));
    json.add("errno", SdJsonWriter::number(std::int64_t{error.sys_errno}));
    const auto id = std::string(api::kVarlinkErrorPrefix) + std::string(api::error_row(error.code).name);
    (void)sd_varlink_error(link_.get(), id.c_str(), json.get());
}

}  // namespace xctl::transport
