// SPDX-License-Identifier: LGPL-2.1-or-later
// LaunchPlan <-> flat bytes. The format is private to one build: both ends are installed together, and the
// version in the header refuses anything else.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "lib/base/result.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::plan {

[[nodiscard]] std::string encode(const LaunchPlan& plan);

/// Refuses truncated, oversized or trailing input with invalid_document; never reads outside `bytes`.
Result<LaunchPlan> decode(std::span<const std::byte> bytes);

}  // namespace xctl::plan
