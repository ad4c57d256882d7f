// SPDX-License-Identifier: LGPL-2.1-or-later
// Freezes and thaws the processes of a cgroup: cgroup.freeze, cgroups(7).
#pragma once

#include <functional>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/kernel/event.hpp"

namespace xctl::container {

class Freezer {
public:
    using Done = std::function<void(Result<>)>;

    explicit Freezer(kernel::EventLoop& loop) : loop_(loop) {}

    /// `done` when the last of them is frozen, or Errc::timeout with all of them thawed again: freezing takes as long
    /// as the slowest process needs to leave the kernel. It may be called at once. `cgroup` is used meanwhile.
    void freeze(int cgroup, Done done);
    /// Also while it freezes, which then is Errc::cancelled.
    Result<> thaw(int cgroup);
    /// The cgroup goes.
    void cancel();

private:
    Result<> begin(int cgroup);
    void check(int cgroup);
    void finish(Result<> result);

    kernel::EventLoop& loop_;
    UniqueFd events_;
    kernel::EventSource source_;
    kernel::EventSource timer_;
    Done done_;
};

}  // namespace xctl::container
