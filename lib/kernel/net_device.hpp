// SPDX-License-Identifier: LGPL-2.1-or-later
// Interfaces between network namespaces: rtnetlink(7).
#pragma once

#include <string>

#include "lib/base/result.hpp"

namespace xctl::kernel {

/// Moves an interface of our own network namespace into another one, gives it its name there, which may hold "%d"
/// for the next free number, and its permanent global addresses back, which it loses on the way, and raises it. A
/// name that is taken there is EEXIST. On failure the interface is here, as it was but for what it lost.
Result<> move_net_device(const std::string& name, int net_namespace, const std::string& new_name);

}  // namespace xctl::kernel
