// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/memory_watch.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <format>
#include <utility>

#include "daemon/run/readings.hpp"
#include "lib/base/log.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/cgroup_stats.hpp"

namespace xctl::run {

attachment::Task MemoryWatch::recover(const attachment::Scene& scene) {
    return {[this, told = scene.launched] { return watch(told); }};
}

attachment::Task MemoryWatch::placed(const attachment::Scene&) {
    return {[this] { return watch(false); }};
}

attachment::Task MemoryWatch::ended(const attachment::Scene&) {
    return {[this]() -> Result<> {
        source_.reset();
        return {};
    }};
}

/// The counter disappears with the cgroup, which systemd removes at once, so changes are read as they happen.
Result<> MemoryWatch::watch(bool told) {
    if (cgroup_.fd() < 0) return {};
    for (const auto* file : {"memory.events", "../memory.events"}) {
        events_.reset(::openat(cgroup_.fd(), file, O_RDONLY | O_CLOEXEC));
        if (events_) break;
    }
    if (!events_) return {};
    told_ = told;
    read_now();
    told_ = false;
    auto source = loop_.add_io(events_.get(), EPOLLPRI, [this](std::uint32_t) { read_now(); });
    if (source)
        source_ = std::move(*source);
    else
        log_warning(std::format("{}: cannot watch its memory, so an OOM kill may be missed: {}", name_,
                                source.error().message));
    return {};
}

void MemoryWatch::read_now() {
    if (!events_) return;
    char buffer[512];
    const auto size = ::pread(events_.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return source_.reset();
    const auto kills = kernel::counter(kernel::parse_counters({buffer, static_cast<std::size_t>(size)}), "oom_kill");
    if (kills <= kills_) return;
    place_ = find_oom_cgroup(cgroup_.fd(), kernel::path_of_cgroup(cgroup_.fd()).value_or(""));
    note(kills);
}

void MemoryWatch::note_kill() {
    if (kills_ == 0) note(1);
}

void MemoryWatch::note(std::uint64_t kills) {
    const auto more = kills - std::exchange(kills_, kills);
    if (!told_) listener_(more);
}

}  // namespace xctl::run
