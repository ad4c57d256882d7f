// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/attachment/hooks.hpp"

#include <algorithm>

#include "lib/launch/hooks.hpp"

namespace xctl::attachment {
namespace {

/// The step of an error, by which those who show it know that a hook is to blame.
constexpr const char* kErrorStep = "hook";

}  // namespace

Task Hooks::ended(const Scene& scene) { return scene.init >= 0 ? task_of(Step::ended, scene) : Task{}; }

Task Hooks::task_of(Step step, const Scene& scene) const {
    const auto has_work = [step](const Group& group) { return group.step == step && !group.hooks.empty(); };
    if (std::ranges::none_of(groups_, has_work)) return {};
    auto run_all = [this, has_work, state = state_(step, scene.init)]() -> Result<> {
        for (const auto& group : groups_)
            if (has_work(group)) TRY(run(group, state));
        return {};
    };
    return {std::move(run_all), true};
}

/// At the end, all of them run, and a hook that fails is told together with the others.
Result<> Hooks::run(const Group& group, const std::string& state) const {
    Result<> result;
    for (std::size_t i = 0; i < group.hooks.size(); ++i) {
        auto ran = launch::run_hook(group.hooks[i], state);
        if (ran) continue;
        auto error = std::move(ran).error();
        if (!group.kind.empty()) error.message.insert(0, launch::hook_failure(group.kind, i) + ": ");
        error.step = kErrorStep;
        error.code = Errc::launch_failed;
        if (group.step != Step::ended) return std::unexpected(std::move(error));
        if (result)
            result = std::unexpected(std::move(error));
        else
            result.error().message += "; " + error.message;
    }
    return result;
}

}  // namespace xctl::attachment
