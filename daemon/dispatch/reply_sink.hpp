// SPDX-License-Identifier: LGPL-2.1-or-later
// Takes the answers to one call to whoever called. Each transport has its own; the rules that all share are here.
#pragma once

#include <memory>

#include "api/verbs.hpp"
#include "daemon/dispatch/callers.hpp"
#include "lib/base/presence.hpp"
#include "lib/base/result.hpp"

namespace xctl::dispatch {

class ReplySink {
public:
    explicit ReplySink(const api::VerbRow& verb) : verb_(verb) {}
    ReplySink(const ReplySink&) = delete;
    ReplySink& operator=(const ReplySink&) = delete;
    virtual ~ReplySink() = default;

    [[nodiscard]] const api::VerbRow& verb() const noexcept { return verb_; }

    /// The only answer, or the last of several. A caller to whom it cannot be sent gets an error instead.
    void answer(api::Reply reply);
    /// An answer that is not the last. False: the caller does not listen any more.
    [[nodiscard]] bool part(api::Reply& reply);
    /// The caller gets an error. After parts it is the last that they get.
    void refuse(Error error);
    /// Parts will come, perhaps much later, and the caller is told so if the transport can. False: nobody listens.
    [[nodiscard]] bool begin();
    /// The transport holds a ticket of `callers` until the caller leaves.
    [[nodiscard]] virtual Presence attend(Callers& callers) = 0;

private:
    virtual Result<> send_answer(api::Reply& reply) = 0;
    virtual Result<> send_part(api::Reply& reply) = 0;
    virtual Result<> send_beginning() { return {}; }
    /// Its message is UTF-8, and not too long.
    virtual void send_error(const Error& error) = 0;
    bool is_sent(Result<> sent);

    const api::VerbRow& verb_;
};

using Sink = std::shared_ptr<ReplySink>;

}  // namespace xctl::dispatch
