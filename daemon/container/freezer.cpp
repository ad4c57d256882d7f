// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/freezer.hpp"

#include <sys/epoll.h>

#include <utility>

#include "lib/kernel/cgroup.hpp"

namespace xctl::container {
namespace {

constexpr std::chrono::seconds kFreezeTimeout{5};

}  // namespace

void Freezer::freeze(int cgroup, Done done) {
    cancel();
    done_ = std::move(done);
    if (auto begun = begin(cgroup); !begun) return finish(std::move(begun));
    check(cgroup);
}

Result<> Freezer::begin(int cgroup) {
    events_ = TRY(kernel::open_cgroup_events(cgroup), "freeze");
    source_ = TRY(loop_.add_io(events_.get(), EPOLLPRI, [this, cgroup](std::uint32_t) { check(cgroup); }));
    loop_.arm(timer_, kFreezeTimeout, [this, cgroup](std::uint32_t) {
        (void)kernel::set_frozen(cgroup, false);
        finish(fail(Errc::timeout, "its processes could not be frozen in time, so that it goes on"));
    });
    return kernel::set_frozen(cgroup, true);
}

void Freezer::check(int cgroup) {
    const auto events = kernel::read_cgroup_events(cgroup);
    if (!events) return finish(std::unexpected(events.error()));
    if (events->frozen) finish({});
}

Result<> Freezer::thaw(int cgroup) {
    cancel();
    return kernel::set_frozen(cgroup, false);
}

void Freezer::cancel() { finish(fail(Errc::cancelled, "a later request overtook it")); }

void Freezer::finish(Result<> result) {
    source_.reset();
    timer_.reset();
    events_.reset();
    if (const auto done = std::exchange(done_, {})) done(std::move(result));
}

}  // namespace xctl::container
