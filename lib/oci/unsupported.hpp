// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties that would change a container's isolation or behaviour and that the launcher does not implement.
#pragma once

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

/// The first such property as unsupported: "/json/pointer: why". A property which asks
/// for nothing (an empty list, the kernel's default) passes.
Result<> check_supported(const Spec& spec);

/// What is supervised must end without a trace, which the mounts of such a container do not.
Result<> check_mount_namespace(const Spec& spec);

}  // namespace xctl::oci
