// SPDX-License-Identifier: LGPL-2.1-or-later
// The attachments of a container of xrun. No process of xrun stays, so each command makes the list anew, and the state
// directory has what lasts.
#pragma once

#include "lib/attachment/attachments.hpp"
#include "lib/base/fd.hpp"
#include "lib/oci/spec.hpp"
#include "runtime/xrun/cgroup/control_group.hpp"
#include "runtime/xrun/state/container.hpp"

namespace xctl::runtime {

/// A container that is being made.
struct Making {
    Container& container;
    const Placement& placement;
    plan::LaunchPlan& plan;
    Unavailable unavailable = Unavailable::refuse;
    bool notifies = true;      // its programs may notify our own manager, sd_notify(3)
    bool needs_cgroup = true;  // else a user who is given no cgroup has none
};

/// The container's cgroup, made in cgroupfs or by systemd.
class ControlGroup final : public attachment::Attachment {
public:
    explicit ControlGroup(const Container& container) : container_(container) {}
    explicit ControlGroup(const Making& making) : container_(making.container), making_(&making) {}

    [[nodiscard]] std::string_view name() const override { return "cgroup"; }
    [[nodiscard]] attachment::Task prepare(const attachment::Scene&) override;
    [[nodiscard]] attachment::Task placed(const attachment::Scene& scene) override;
    [[nodiscard]] attachment::Task ended(const attachment::Scene&) override;

    /// For the clone; empty if there is none yet.
    [[nodiscard]] OwnedCgroup take_directory() { return std::move(directory_); }

private:
    const Container& container_;
    const Making* making_ = nullptr;
    OwnedCgroup directory_;
};

class ContainerAttachments {
public:
    /// `spec`, config.json, has the hooks.
    explicit ContainerAttachments(const Making& making, const oci::Spec& spec);
    /// Of a container that was made; without a config.json it has neither hooks nor a class.
    ContainerAttachments(const Container& container, const oci::Spec* spec);

    Result<> set_up(attachment::Step step, pid_t init = -1, PidFd init_fd = {});
    /// Also what an earlier command has set up.
    Result<> take_down();
    [[nodiscard]] ControlGroup& cgroup() noexcept { return *cgroup_; }

private:
    void add_all(const Container& container, const oci::Spec* spec, std::unique_ptr<ControlGroup> cgroup);

    attachment::Inline executor_;
    attachment::Attachments attachments_{executor_};
    ControlGroup* cgroup_ = nullptr;
};

}  // namespace xctl::runtime
