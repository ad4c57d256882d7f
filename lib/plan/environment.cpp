// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/plan/environment.hpp"

#include <algorithm>

namespace xctl::plan {

void set_env(std::vector<std::string>& env, const std::string& entry) {
    const auto found = std::ranges::find(env.rbegin(), env.rend(), env_name(entry), env_name);
    if (found != env.rend())
        *found = entry;
    else
        env.push_back(entry);
}

}  // namespace xctl::plan
