// SPDX-License-Identifier: LGPL-2.1-or-later
// Events and answers as lines of JSON, for streams.
#pragma once

#include <string>

#include "api/verbs.hpp"

namespace xctl::transport {

[[nodiscard]] std::string to_json_line(const api::Event& event);

/// An object with a member for each of the verb's outputs, as on varlink. Descriptors are left out.
[[nodiscard]] std::string to_json_line(const api::VerbRow& verb, const api::Reply& reply);

}  // namespace xctl::transport
