// SPDX-License-Identifier: LGPL-2.1-or-later
// Stops that systemd asks for, as at shutdown: it tells of all of them at once, and only later of each in its turn. The
// order is the same as systemd's, which has it by xctl-up@.target.
#include <algorithm>

#include "daemon/definition/unit_names.hpp"
#include "daemon/manager/manager.hpp"

namespace xctl::manager {
namespace {

/// In this time all jobs of one transaction have been told of.
constexpr std::chrono::milliseconds kGatherTime{10};

bool is_running(model::State state) { return state == model::State::running || state == model::State::paused; }

bool comes_after(const definition::Definition& definition, const ContainerId& id) {
    return std::ranges::contains(definition.after, id.str()) || std::ranges::contains(definition.required, id.str());
}

}  // namespace

bool Manager::is_awaited(const ContainerId& id) {
    find_new(*definitions_.survey());
    return std::ranges::any_of(containers_,
                               [&](const auto& entry) { return comes_after(entry.second->definition(), id); });
}

/// A container that starts is not meant, since the stop is about what an earlier run left under the same name. Neither is
/// a lost run, whose stop we asked for.
void Manager::stop_unit(const std::string& unit) {
    const auto it = containers_.find(definition::container_of_scope(unit));
    if (it == containers_.end() || it->second->unit() != unit || !is_running(it->second->state()) ||
        it->second->is_lost())
        return;
    if (asked_to_stop_.insert(it->first).second) stop_in_order_after(kGatherTime);
}

void Manager::stop_in_order_after(std::chrono::microseconds delay) {
    services_.loop.arm(stop_order_timer_, delay, [this](std::uint32_t) {
        stop_order_timer_.reset();
        stop_in_order();
    });
}

/// Those that no other comes after which is to be stopped as well.
void Manager::stop_in_order() {
    std::erase_if(asked_to_stop_, [this](const ContainerId& id) {
        return !containers_.contains(id) || !containers_.at(id)->is_active();
    });
    std::vector<ContainerId> next;
    bool any_stopping = false;
    for (const auto& id : asked_to_stop_) {
        const bool awaited = std::ranges::any_of(asked_to_stop_, [&](const ContainerId& other) {
            return other != id && comes_after(containers_.at(other)->definition(), id);
        });
        // One that ended by itself meanwhile may be on its way back, which is not wanted any more.
        const auto state = containers_.at(id)->state();
        if (state == model::State::stopping || state == model::State::quarantined)
            any_stopping = true;
        else if (!awaited)
            next.push_back(id);
    }
    // Those that come after each other all the same are stopped together.
    if (next.empty() && !any_stopping) next = {asked_to_stop_.begin(), asked_to_stop_.end()};
    for (const auto& id : next) {
        auto& container = *containers_.at(id);
        container.stop(std::nullopt, {model::Cause::systemd, "a stop of " + container.unit()}, [](const Result<>&) {});
    }
}

}  // namespace xctl::manager
