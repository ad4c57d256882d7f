// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts the processes of a run that the kernel kills for want of memory. cgroups(7), memory.events.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "daemon/run/payload_cgroup.hpp"
#include "lib/attachment/attachment.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::run {

class MemoryWatch final : public attachment::Attachment {
public:
    /// Hears how many more there are.
    using Listener = std::function<void(std::uint64_t kills)>;

    MemoryWatch(kernel::EventLoop& loop, const PayloadCgroup& cgroup, std::string name, Listener listener)
        : loop_(loop), cgroup_(cgroup), name_(std::move(name)), listener_(std::move(listener)) {}

    [[nodiscard]] std::string_view name() const override { return "memory"; }
    [[nodiscard]] attachment::Task recover(const attachment::Scene& scene) override;
    [[nodiscard]] attachment::Task placed(const attachment::Scene& scene) override;
    [[nodiscard]] attachment::Task ended(const attachment::Scene&) override;

    [[nodiscard]] std::uint64_t kills() const noexcept { return kills_; }
    /// Where the kernel killed; empty if it did not.
    [[nodiscard]] const std::string& place() const noexcept { return place_; }
    /// Before the file goes with the cgroup.
    void read_now();
    /// systemd says that there was one, and the file is gone.
    void note_kill();

private:
    Result<> watch(bool told);
    void note(std::uint64_t kills);

    kernel::EventLoop& loop_;
    const PayloadCgroup& cgroup_;
    std::string name_;
    Listener listener_;
    UniqueFd events_;
    kernel::EventSource source_;
    bool told_ = false;  // an earlier daemon has told of the kills that there were
    std::uint64_t kills_ = 0;
    std::string place_;
};

}  // namespace xctl::run
