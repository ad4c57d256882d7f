// SPDX-License-Identifier: LGPL-2.1-or-later
// Something that is set up with a run of a container and taken down with it: a cgroup, a watch, hooks, a network.
//
//   prepare ──▶ clone ──▶ placed ──▶ created ──▶ exec ──▶ launched
//   recover, instead of all of these, when another supervisor takes the run over
//   ended, in the end, whatever came before
//
// An attachment knows neither the container's other attachments nor who supervises it: xctld walks a list of them in
// its event loop, xrun walks the same in one thread. What has to outlive the supervisor is the attachment's own to
// write down, before it is made. `recover` makes the kernel equal to that again; `ended` must do without `recover`, and
// find nothing to do where nothing was done.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace xctl::attachment {

enum class Step : std::uint8_t {
    recover,   // an earlier supervisor has set up the run
    prepare,   // nothing of the run exists yet
    placed,    // the first process exists; it waits for its cgroup
    created,   // namespaces and mounts are there; the first process waits before pivot_root(2). OCI: createRuntime
    launched,  // the program runs. OCI: poststart
    ended,     // all processes are gone, or the start failed. OCI: poststop
};

[[nodiscard]] std::string_view name_of(Step step) noexcept;

/// The run at the moment of a step.
struct Scene {
    /// The first process; -1 while there is none, and 0 when it has ended long ago. After the end, the number may be
    /// another process's.
    pid_t init = -1;
    pid_t keeper = -1;  // its parent that writes down its exit status, lib/launch/parent/keeper.hpp; -1 without one
    bool launched = false;  // at `recover`: the program runs already, and no `launched` follows
    PidFd init_fd{};        // the first process
};

/// The work of one step.
struct Task {
    std::function<Result<>()> work;  // empty: there is nothing to do
    /// The work may block, so a supervisor with an event loop has another process do it: the work may change files and
    /// the kernel's state, but no memory of the supervisor. That process is killed when the run is.
    bool may_block = false;
};

class Attachment {
public:
    Attachment() = default;
    virtual ~Attachment() = default;
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

    /// For errors, which name it as their step.
    [[nodiscard]] virtual std::string_view name() const = 0;

    [[nodiscard]] virtual Task recover(const Scene&) { return {}; }
    [[nodiscard]] virtual Task prepare(const Scene&) { return {}; }
    [[nodiscard]] virtual Task placed(const Scene&) { return {}; }
    [[nodiscard]] virtual Task created(const Scene&) { return {}; }
    [[nodiscard]] virtual Task launched(const Scene&) { return {}; }
    [[nodiscard]] virtual Task ended(const Scene&) { return {}; }
};

}  // namespace xctl::attachment
