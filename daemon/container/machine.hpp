// SPDX-License-Identifier: LGPL-2.1-or-later
// The registration of a container with systemd-machined, as an attachment of its run.
#pragma once

#include <memory>
#include <string>

#include "daemon/systemd/machines.hpp"
#include "lib/attachment/attachment.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::container {

class Machine final : public attachment::Attachment {
public:
    Machine(systemd::Machines& machines, std::string name, std::shared_ptr<const plan::LaunchPlan> plan)
        : machines_(machines), name_(std::move(name)), plan_(std::move(plan)) {}

    [[nodiscard]] std::string_view name() const override { return "machine"; }
    [[nodiscard]] attachment::Task recover(const attachment::Scene& scene) override;
    [[nodiscard]] attachment::Task launched(const attachment::Scene& scene) override;
    [[nodiscard]] attachment::Task ended(const attachment::Scene&) override;

private:
    systemd::Machines& machines_;
    std::string name_;
    std::shared_ptr<const plan::LaunchPlan> plan_;
};

}  // namespace xctl::container
