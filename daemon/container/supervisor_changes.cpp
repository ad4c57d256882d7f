// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the files of a container differ from what runs, and changing what runs.
#include <algorithm>
#include <map>

#include "daemon/container/limit_changes.hpp"
#include "daemon/container/root_changes.hpp"
#include "daemon/container/supervisor.hpp"
#include "daemon/definition/definition_keys.hpp"
#include "daemon/definition/settings.hpp"
#include "daemon/run/mount_ids.hpp"

namespace xctl::container {
namespace {

/// Changes of these keys are in force as soon as the files say so.
bool counts_at_once(const api::Setting& setting) {
    const auto* key = find_row(definition::kKeys, setting.key);
    return key != nullptr && key->applies == definition::Applies::at_once;
}

std::vector<std::string> changeable(const std::vector<std::string>& keys) {
    std::vector<std::string> out;
    for (const auto& key : keys)
        for (const auto whole : definition::kChangeable)
            if (definition::is_within(key, whole) && !std::ranges::contains(out, whole)) out.emplace_back(whole);
    return out;
}

}  // namespace

Result<std::vector<api::Setting>> Supervisor::diff() const {
    if (!run_) return {};
    const auto now = TRY(definition::compile_container(id_, definition_));
    auto out = definition::differences(directory_.load_running(), now.document);
    std::erase_if(out, counts_at_once);
    return out;
}

/// What a change amounts to, compiled from what runs.
struct Supervisor::RunChange {
    std::string document;  // of what runs afterwards
    std::map<std::string, std::string> annotations;
    std::optional<plan::Cgroup> limits, limits_back;
    launch::RootChange root;
};

Result<Supervisor::RunChange> Supervisor::plan_change(const definition::Definition& definition,
                                                      const std::vector<std::string>& whole) const {
    const auto running = directory_.load_running();
    const auto now = TRY(definition::compile_container(id_, definition));
    RunChange change{.document = definition::with_values_of(running, now.document, whole),
                     .annotations = {},
                     .limits = {},
                     .limits_back = {},
                     .root = {}};
    const auto before = TRY(definition::compile_whole(id_, running));
    const auto after = TRY(definition::compile_whole(id_, change.document));
    change.annotations = after.spec.annotations;
    if (std::ranges::contains(whole, definition::kResources) || std::ranges::contains(whole, definition::kDevices)) {
        change.limits = TRY(limits_to_change(before.plan.cgroup, after.plan.cgroup));
        if (auto back = limits_to_change(after.plan.cgroup, before.plan.cgroup)) change.limits_back = std::move(*back);
    }
    const auto definition_before = TRY(definition::parse_definition({{"running.json", running}}));
    const auto definition_after = TRY(definition::parse_definition({{"running.json", change.document}}));
    change.root = TRY(root_change({definition_before, before.plan, definition_after, after.plan},
                                  run::load_mount_ids(directory_.fd())));
    const bool own_mounts =
        std::ranges::contains(after.plan.namespaces, plan::NamespaceKind::mount, &plan::Namespace::kind);
    if (!change.root.empty() && !own_mounts)
        return fail(Errc::unsupported,
                    id_.str() + " has no mount namespace of its own: what it sees cannot be changed");
    return change;
}

/// All of it or nothing.
void Supervisor::change_run(const definition::Definition& definition, const std::vector<std::string>& keys, Done done) {
    const auto whole = changeable(keys);
    if (!run_ || whole.empty()) return done({});
    auto planned = plan_change(definition, whole);
    if (!planned) return done(std::unexpected(std::move(planned).error()));
    const auto change = std::make_shared<const RunChange>(std::move(*planned));
    if (auto limited = change_limits(change->limits); !limited) {
        // What was in force a moment ago can be had again.
        (void)change_limits(change->limits_back);
        return done(std::move(limited));
    }
    root_changes_.start(run_->pidfd(), change->root, [this, change, done = std::move(done)](Result<launch::MountIds> changed) {
        done(finish_change(*change, std::move(changed)));
    });
}

Result<> Supervisor::change_limits(const std::optional<plan::Cgroup>& limits) {
    return limits && run_ ? run_->change_limits(*limits) : Result<>();
}

Result<> Supervisor::finish_change(const RunChange& change, Result<launch::MountIds> changed) {
    if (!changed) {
        (void)change_limits(change.limits_back);
        return std::unexpected(std::move(changed).error());
    }
    if (!change.root.empty()) TRY(run::change_mount_ids(directory_.fd(), change.root, std::move(*changed)));
    if (!run_) return fail(Errc::wrong_state, id_.str() + " ended before it was changed");
    record_.annotations = change.annotations;
    save();
    return directory_.save_running(change.document);
}

}  // namespace xctl::container
