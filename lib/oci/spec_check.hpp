// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules of the specification that relate properties to each other or constrain a text.
#pragma once

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

/// The first broken rule as invalid_document: "/json/pointer: rule".
Result<> check_spec(const Spec& spec);

/// The rules for `process`, with pointers below /process.
Result<> check_process(const Process& process);

}  // namespace xctl::oci
