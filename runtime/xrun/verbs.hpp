// SPDX-License-Identifier: LGPL-2.1-or-later
// xrun's verbs, one file each.
#pragma once

#include "runtime/xrun/options.hpp"

namespace xctl::runtime {

Result<int> verb_create(const Arguments& arguments);
Result<int> verb_start(const Arguments& arguments);
Result<int> verb_run(const Arguments& arguments);
Result<int> verb_state(const Arguments& arguments);
Result<int> verb_kill(const Arguments& arguments);
Result<int> verb_delete(const Arguments& arguments);
Result<int> verb_list(const Arguments& arguments);
Result<int> verb_exec(const Arguments& arguments);
Result<int> verb_ps(const Arguments& arguments);
Result<int> verb_pause(const Arguments& arguments);
Result<int> verb_resume(const Arguments& arguments);
Result<int> verb_update(const Arguments& arguments);
Result<int> verb_events(const Arguments& arguments);
Result<int> verb_checkpoint(const Arguments& arguments);
Result<int> verb_restore(const Arguments& arguments);
Result<int> verb_spec(const Arguments& arguments);
Result<int> verb_features(const Arguments& arguments);

/// To standard output, all of it.
Result<> print(std::string_view text);

}  // namespace xctl::runtime
