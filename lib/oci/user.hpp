// SPDX-License-Identifier: LGPL-2.1-or-later
// A user as command lines write it.
#pragma once

#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

/// UID or UID:GID; names are the image's business, and no number may be taken for another.
Result<> set_user(User& user, std::string_view text);

}  // namespace xctl::oci
