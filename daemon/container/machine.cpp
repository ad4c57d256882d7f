// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/machine.hpp"

#include "daemon/container/machine_id.hpp"

namespace xctl::container {

/// Its program runs, in its unit, perhaps since before this daemon did.
attachment::Task Machine::recover(const attachment::Scene& scene) {
    return scene.launched ? launched(scene) : attachment::Task{};
}

attachment::Task Machine::launched(const attachment::Scene& scene) {
    if (scene.init <= 0) return {};
    return {[this, leader = scene.init]() -> Result<> {
        const auto id = machine_id(name_, plan_->process.env, host_id());
        machines_.add({name_, id, leader, plan_->root.path});
        return {};
    }};
}

attachment::Task Machine::ended(const attachment::Scene&) {
    return {[this]() -> Result<> {
        machines_.remove(name_);
        return {};
    }};
}

}  // namespace xctl::container
