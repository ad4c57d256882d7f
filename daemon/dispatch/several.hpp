// SPDX-License-Identifier: LGPL-2.1-or-later
// A call that names several containers: each name has its own outcome, and one that fails stops no other.
#pragma once

#include <string>
#include <vector>

#include "daemon/dispatch/reply_sink.hpp"

namespace xctl::dispatch {

/// Collects the outcomes, and answers when all are there.
class Outcomes {
public:
    Outcomes(const std::vector<std::string>& names, Sink sink);

    void succeeded() { count(); }
    void failed(std::size_t index, const Error& error);

private:
    void count();

    Sink sink_;
    api::Reply reply_;
    std::size_t missing_;
};

/// Why these names cannot be those of one call.
Result<> check_names(const api::VerbRow& verb, const std::vector<std::string>& names);

}  // namespace xctl::dispatch
