// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the files of a container differ from what runs, and changing what runs.
#include <algorithm>

#include "daemon/definition_keys.hpp"
#include "daemon/limit_changes.hpp"
#include "daemon/settings.hpp"
#include "daemon/supervisor.hpp"

namespace xctl {
namespace {

/// Changes of these keys are in force as soon as the files say so.
bool counts_at_once(const api::Setting& setting) {
    const auto* key = find_row(kKeys, setting.key);
    return key != nullptr && key->applies == Applies::at_once;
}

constexpr std::array kChangeable{kResources, kAnnotations};

std::vector<std::string> changeable(const std::vector<std::string>& keys) {
    std::vector<std::string> out;
    for (const auto& key : keys)
        for (const auto whole : kChangeable)
            if (is_within(key, whole) && !std::ranges::contains(out, whole)) out.emplace_back(whole);
    return out;
}

}  // namespace

Result<std::vector<api::Setting>> Supervisor::diff() const {
    if (!run_) return {};
    const auto now = TRY(compile_container(id_, definition_));
    auto out = differences(directory_.load_running(), now.document);
    std::erase_if(out, counts_at_once);
    return out;
}

Result<> Supervisor::change_run(const Definition& definition, const std::vector<std::string>& keys) {
    const auto whole = changeable(keys);
    if (!run_ || whole.empty()) return {};
    const auto running = directory_.load_running();
    const auto now = TRY(compile_container(id_, definition));
    const auto next = with_values_of(running, now.document, whole);
    const auto before = TRY(compile_whole(id_, running));
    const auto after = TRY(compile_whole(id_, next));
    if (std::ranges::contains(whole, kResources)) {
        const auto limits = TRY(limits_to_change(before.plan.cgroup, after.plan.cgroup));
        if (auto changed = run_->change_limits(limits); !changed) {
            // All of them or none. What was in force a moment ago can be had again.
            if (const auto back = limits_to_change(after.plan.cgroup, before.plan.cgroup)) (void)run_->change_limits(*back);
            return changed;
        }
    }
    record_.annotations = after.spec.annotations;
    save();
    return directory_.save_running(next);
}

}  // namespace xctl
