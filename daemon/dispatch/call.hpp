// SPDX-License-Identifier: LGPL-2.1-or-later
// A call, decoded.
#pragma once

#include <string>
#include <vector>

#include "api/verbs.hpp"
#include "daemon/dispatch/caller.hpp"

namespace xctl::dispatch {

/// Whether the caller takes one answer or several.
enum class Manner : unsigned char { once, repeated };

struct Call {
    const api::VerbRow& verb;
    api::Request request;
    std::vector<std::string> names;  // of a verb that takes several, in place of the request's name
    Caller caller;
    Manner manner = Manner::once;
};

}  // namespace xctl::dispatch
