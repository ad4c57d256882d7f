// SPDX-License-Identifier: LGPL-2.1-or-later
// Says what callers other than root may do: polkit, or a fake in tests.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "daemon/dispatch/caller.hpp"
#include "lib/base/result.hpp"

namespace xctl::dispatch {

class Authority {
public:
    using Done = std::function<void(Result<>)>;
    using Details = std::map<std::string, std::string>;

    virtual ~Authority() = default;
    /// `done` runs once, perhaps before this returns. `caller` need not outlive the call of this function.
    virtual void ask(const Caller& caller, const std::string& action, const Details& details, Done done) = 0;
};

}  // namespace xctl::dispatch
