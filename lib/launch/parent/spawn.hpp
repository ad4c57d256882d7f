// SPDX-License-Identifier: LGPL-2.1-or-later
// How the container's init is cloned, and whose child it becomes.
#pragma once

#include <span>

#include "lib/base/fd.hpp"
#include "lib/launch/init/context.hpp"
#include "lib/launch/parent/launch.hpp"

namespace xctl::launch {

struct SpawnOptions {
    Parent parent{};
    CgroupFd cgroup{};          // to be born in, or none
    int record_directory = -1;  // Parent::keeper
    std::span<std::byte> stack;  // not empty: init shares our memory and runs there
};

/// The descriptor of the namespace that the init joins; -1 when it has a new one, or ours.
[[nodiscard]] int joined_namespace(const Context& context, plan::NamespaceKind kind);

/// Whether the init is cloned by ourselves, and nothing else of C++ runs in between.
[[nodiscard]] bool is_direct(const Context& context, Parent parent);

/// Returns once init exists; it waits at its gate if the context has one. The child never returns.
Result<Launched> spawn(Context& context, const SpawnOptions& options);

}  // namespace xctl::launch
