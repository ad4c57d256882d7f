// SPDX-License-Identifier: LGPL-2.1-or-later
// A call as its handler gets it: the arguments of its own verb, the container by its id, and who is answered.
#pragma once

#include <functional>

#include "api/outputs.hpp"
#include "api/requests.hpp"
#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"

namespace xctl::manager {

using Done = std::function<void(Result<api::Reply>)>;
/// Takes a report of a job that goes on. False: nobody listens any more.
using Progress = std::function<bool(api::Reply)>;

/// `Arguments` is one of api::Arguments. All of it lasts until the handler returns; what is needed later is copied.
template <class Arguments>
struct Call {
    const ContainerId& id;  // of the container that it is about
    Arguments& arguments;
    const api::CallContext& context;
    const Done& done;
    const Progress& progress;  // empty if nobody wants reports
};

template <>
struct Call<api::NoArguments> {
    const api::CallContext& context;
    const Done& done;
};

}  // namespace xctl::manager
