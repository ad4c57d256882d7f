// SPDX-License-Identifier: LGPL-2.1-or-later
// The verbs as the dispatcher calls them: the Manager's, or a fake in tests.
#pragma once

#include <functional>

#include "api/verbs.hpp"
#include "lib/base/result.hpp"

namespace xctl::dispatch {

class Handlers {
public:
    using Done = std::function<void(Result<api::Reply>)>;
    /// Takes a report of a job that goes on. False: nobody listens any more.
    using Progress = std::function<bool(api::Reply)>;

    virtual ~Handlers() = default;
    /// `done` runs once, perhaps before this returns. `progress`, which is empty if nobody wants reports, may run before.
    virtual void call(const api::VerbRow& verb, api::Request request, Progress progress, Done done) = 0;
    /// Lets go of what is kept for callers who have left.
    virtual void forget_departed() = 0;
};

}  // namespace xctl::dispatch
