// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/freeze_watch.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "lib/kernel/cgroup.hpp"

namespace xctl::run {

attachment::Task FreezeWatch::placed(const attachment::Scene&) {
    if (cgroup_.fd() < 0) return {};
    return {[this] { return watch(); }};
}

attachment::Task FreezeWatch::ended(const attachment::Scene&) {
    return {[this]() -> Result<> {
        stop();
        return {};
    }};
}

Result<> FreezeWatch::watch() {
    events_ = TRY(kernel::open_cgroup_events(cgroup_.fd()), "watch the cgroup");
    source_ = TRY(loop_.add_io(events_.get(), EPOLLPRI, [this](std::uint32_t) { read(); }));
    read();
    return {};
}

/// From the file that is watched: epoll is quiet only when it has been read.
void FreezeWatch::read() {
    char buffer[512];
    const auto size = ::pread(events_.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return source_.reset();
    const bool frozen = kernel::parse_cgroup_events({buffer, static_cast<std::size_t>(size)}).frozen;
    if (std::exchange(frozen_, frozen) != frozen) listener_(frozen);
}

}  // namespace xctl::run
