// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides who may call which verb: root always, others as the authority says, with the container's name in the details.
#pragma once

#include <map>
#include <memory>

#include "api/verbs.hpp"
#include "daemon/dispatch/authority.hpp"

namespace xctl::dispatch {

class Access {
public:
    using Done = Authority::Done;

    explicit Access(Authority& authority) : authority_(authority) {}

    /// `done` runs once, for root before this returns. The container may be gone by then: look it up again.
    void check(const api::VerbRow& verb, const api::Request& request, const Caller& caller, const Done& done);

private:
    using Questions = std::map<uid_t, unsigned>;
    class Question;

    Authority& authority_;
    std::shared_ptr<Questions> questions_ = std::make_shared<Questions>();  // that the authority has not answered
};

}  // namespace xctl::dispatch
