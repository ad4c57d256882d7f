// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers over varlink.
#pragma once

#include <systemd/sd-varlink.h>

#include <map>
#include <memory>

#include "daemon/dispatch/reply_sink.hpp"

namespace xctl::transport {

/// Of the links whose answers may be long in coming.
using VarlinkTickets = std::map<sd_varlink*, dispatch::Callers::Ticket>;

class VarlinkSink final : public dispatch::ReplySink {
public:
    VarlinkSink(const api::VerbRow& verb, sd_varlink* link, VarlinkTickets& tickets);

    [[nodiscard]] Presence attend(dispatch::Callers& callers) override;

private:
    Result<> send_answer(api::Reply& reply) override;
    Result<> send_part(api::Reply& reply) override;
    void send_error(const Error& error) override;

    struct Unref {
        void operator()(sd_varlink* link) const noexcept { sd_varlink_unref(link); }
    };
    std::unique_ptr<sd_varlink, Unref> link_;
    VarlinkTickets& tickets_;
};

}  // namespace xctl::transport
