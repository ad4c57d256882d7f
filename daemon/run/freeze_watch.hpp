// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether all processes of a run are frozen, whoever did that. cgroups(7), cgroup.events.
#pragma once

#include <functional>

#include "daemon/run/payload_cgroup.hpp"
#include "lib/attachment/attachment.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::run {

class FreezeWatch final : public attachment::Attachment {
public:
    using Listener = std::function<void(bool frozen)>;

    FreezeWatch(kernel::EventLoop& loop, const PayloadCgroup& cgroup, Listener listener)
        : loop_(loop), cgroup_(cgroup), listener_(std::move(listener)) {}

    [[nodiscard]] std::string_view name() const override { return "freezer"; }
    [[nodiscard]] attachment::Task recover(const attachment::Scene& scene) override { return placed(scene); }
    [[nodiscard]] attachment::Task placed(const attachment::Scene&) override;
    [[nodiscard]] attachment::Task ended(const attachment::Scene&) override;

    [[nodiscard]] bool is_frozen() const noexcept { return frozen_; }
    /// The processes come to their end, which frozen processes do as well.
    void stop() { source_.reset(); }

private:
    Result<> watch();
    void read();

    kernel::EventLoop& loop_;
    const PayloadCgroup& cgroup_;
    Listener listener_;
    UniqueFd events_;
    kernel::EventSource source_;
    bool frozen_ = false;
};

}  // namespace xctl::run
