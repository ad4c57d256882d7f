// SPDX-License-Identifier: LGPL-2.1-or-later
// The cgroup `payload` of a run, which holds all its processes, in the cgroup of its unit. cgroups(7).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/model/record.hpp"
#include "lib/attachment/attachment.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/launch/parent/device_programs.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::run {

class PayloadCgroup final : public attachment::Attachment {
public:
    struct Setup {
        std::string name;
        std::string unit;
        model::Placement placement = model::Placement::scope;
        std::shared_ptr<const plan::LaunchPlan> plan;
        /// Of one more process in a running container: moves it and its keeper into the container's cgroup. The process
        /// has no cgroup of its own.
        std::function<Result<>(pid_t pid, pid_t keeper)> enter;
    };

    PayloadCgroup(Setup setup, launch::DevicePrograms& programs) : setup_(std::move(setup)), programs_(programs) {}

    [[nodiscard]] std::string_view name() const override { return "cgroup"; }
    [[nodiscard]] attachment::Task recover(const attachment::Scene& scene) override;
    [[nodiscard]] attachment::Task placed(const attachment::Scene& scene) override;
    [[nodiscard]] attachment::Task ended(const attachment::Scene&) override;

    /// The directory; -1 while there is none.
    [[nodiscard]] int fd() const noexcept { return directory_.get(); }
    /// Looks for the directory of a process that is in the unit, unless it is known.
    void open_of(pid_t pid);
    /// Limits and rules for devices, while the container runs.
    Result<> change_limits(const plan::Cgroup& limits);

private:
    Result<> place(const attachment::Scene& scene);
    Result<> remove_long_cgroups();

    Setup setup_;
    launch::DevicePrograms& programs_;
    UniqueFd directory_;
};

}  // namespace xctl::run
