// SPDX-License-Identifier: LGPL-2.1-or-later
// What the parent does for the init once it exists and before it goes on.
#pragma once

#include <cstdint>

#include "lib/base/result.hpp"
#include "lib/launch/init/context.hpp"

namespace xctl::launch {

/// A failure of the parent's part is reported like the child's own, under the step that waits for it.
struct Part {
    std::uint8_t step;
    Result<> result;
    int index = -1;
};

[[nodiscard]] bool has_parents_part(const Context& context);

/// Up to the first failure.
Part do_parents_part(const Context& context, pid_t pid);

}  // namespace xctl::launch
