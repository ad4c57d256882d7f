// SPDX-License-Identifier: LGPL-2.1-or-later
// How large an answer would be as a message.
#pragma once

#include "api/verbs.hpp"
#include "lib/base/result.hpp"

namespace xctl::dispatch {

/// Fails with Errc::unsupported for an answer of more than api::kMaxAnswerBytes, which must not be sent: D-Bus would
/// disconnect us for it. Texts count as they are, and each field for what is around it.
Result<> check_size(const api::VerbRow& verb, const api::Reply& reply);

}  // namespace xctl::dispatch
