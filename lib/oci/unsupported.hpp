// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties that would change a container's isolation or behaviour and that the launcher does not implement.
#pragma once

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

/// Who runs hooks outside the container and between its steps. The others refuse them.
enum class HookSupport : bool { no, yes };

/// The first such property as unsupported: "/json/pointer: not supported by this version". A property which asks
/// for nothing (an empty list, the kernel's default) passes.
Result<> check_supported(const Spec& spec, HookSupport hooks = HookSupport::no);

}  // namespace xctl::oci
