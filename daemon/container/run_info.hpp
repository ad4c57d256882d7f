// SPDX-License-Identifier: LGPL-2.1-or-later
// How a run went, as the API says it.
#pragma once

#include "api/run_info.hpp"
#include "daemon/model/run_history.hpp"

namespace xctl::container {

[[nodiscard]] api::RunInfo to_info(const model::RunRecord& run);

}  // namespace xctl::container
