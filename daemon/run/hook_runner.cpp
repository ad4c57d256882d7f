// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/hook_runner.hpp"

#include <utility>

#include "lib/launch/hooks.hpp"

namespace xctl::run {

void HookRunner::start(const std::vector<plan::Hook>& hooks, const std::string& state, Done done) {
    errand_.cancel();
    if (hooks.empty()) return done({});
    const auto run_all = [&]() -> Result<> {
        for (const auto& hook : hooks)
            if (auto ran = launch::run_hook(hook, state); !ran) return fail(Errc::launch_failed, ran.error().message);
        return {};
    };
    errand_.start(run_all, std::move(done));
}

}  // namespace xctl::run
