// SPDX-License-Identifier: LGPL-2.1-or-later
// A container that exists: what it is doing, and how to end it.
#pragma once

#include <optional>

#include "lib/base/fd.hpp"
#include "lib/kernel/process.hpp"
#include "lib/oci/spec.hpp"
#include "lib/oci/state.hpp"
#include "runtime/xrun/state/store.hpp"

namespace xctl::runtime {

struct Container {
    Store store;
    Record record;
};

enum class Lock : bool { no, yes };

/// Errc::not_found when there is none.
Result<Container> open_container(const Arguments& arguments, const std::string& id, Lock lock);

/// Does something to the container of that id or, with --regex, to each that matches it; what cannot be done to one
/// keeps nobody from the others, and is reported.
Result<int> for_each_named(const Arguments& arguments, Result<int> (*act)(const Arguments&, const std::string& id));

[[nodiscard]] oci::Status status_of(const Container& container);
[[nodiscard]] oci::State state_of(const Container& container);

/// As it was when the container was created, without the default profile that it may ask for.
Result<oci::Spec> load_spec(const Container& container);

/// For plan::apply_profile.
Result<std::string> read_profile(const std::string& file);

/// Of the init; errno is ESRCH when it has ended.
Result<OwnedPidFd> open_init(const Record& record);

/// Field 22 of /proc/PID/stat, which a zombie has as well. Errno is ESRCH when there is no such process.
Result<std::uint64_t> read_start_time(pid_t pid);

/// SIGKILL to whatever belongs to the container, and waits until all of it is gone.
Result<> kill_everything(const Container& container);

/// Kills what is left, removes the cgroup, runs the poststop hooks, removes the state. Can be repeated.
Result<> destroy(const Container& container);

/// What could not be made, and why, is destroyed as far as it is the container's.
void give_up(Container& container, const Error& why);

/// The container's state as `status` has it, for the standard input of a hook.
[[nodiscard]] std::string state_for_hooks(const Container& container, oci::Status status);

}  // namespace xctl::runtime
