// SPDX-License-Identifier: LGPL-2.1-or-later
// The namespaces of a running container, for one more process in it.
#pragma once

#include <sys/types.h>

#include <vector>

#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::launch {

/// Those of the init that are not ours, in the order to join them; one cannot join the user namespace that one is in.
/// By number: whoever asks makes sure afterwards that it is still the same process.
Result<std::vector<plan::Namespace>> list_namespaces_to_join(pid_t init);

}  // namespace xctl::launch
