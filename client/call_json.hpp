// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests, replies and errors between their values and sd-json, by the tables of api/.
#pragma once

#include <systemd/sd-json.h>

#include <memory>

#include "api/verbs.hpp"
#include "lib/base/result.hpp"

namespace xctl::client {

struct JsonUnref {
    void operator()(sd_json_variant* variant) const noexcept { sd_json_variant_unref(variant); }
};
using Json = std::unique_ptr<sd_json_variant, JsonUnref>;

/// Only what was given: absent parameters take their defaults in xctld.
Result<Json> json_of(const api::VerbRow& verb, const api::Request& request, bool interactive);

/// Everything but the descriptor, which is not in the message; fields that this version does not know are ignored.
Result<api::Reply> reply_of(const api::VerbRow& verb, sd_json_variant* parameters);

/// What xctld, or the varlink library, says with an error.
Error error_of(std::string_view error_id, sd_json_variant* parameters);

}  // namespace xctl::client
