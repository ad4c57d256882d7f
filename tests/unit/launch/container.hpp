// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a LaunchPlan as a supervisor would, for tests: a busybox root, a channel, pipes or a terminal.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/kernel/process.hpp"
#include "lib/launch/parent/launch.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::test {

/// Why no container can be made here, or nothing.
std::optional<std::string> why_no_containers();

/// Why no container with a new user namespace can be made here, or nothing. A chroot forbids them, and a host whose
/// own /proc or /sys are partly covered forbids mounting these in them.
std::optional<std::string> why_no_user_namespaces();

/// A directory with busybox and a few empty directories.
class BusyboxRoot {
public:
    BusyboxRoot();
    [[nodiscard]] std::string path() const { return (directory_.path() / "root").string(); }
    [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

private:
    TemporaryDirectory directory_;
};

/// A file with the plan's bytes, as it travels to xctl-launch.
UniqueFd make_plan_file(const plan::LaunchPlan& plan);

/// All namespaces, the usual mounts, devices and links, and a shell command.
plan::LaunchPlan make_plan(const BusyboxRoot& root, const std::string& command);

plan::Mount make_bind(const std::string& source, const std::string& target, std::uint64_t attributes = 0);
plan::Mount make_filesystem(const std::string& fstype, const std::string& target, std::uint64_t attributes = 0,
                            std::vector<plan::Parameter> parameters = {});

/// The rows of a user namespace in which 0 is `host_id`.
void add_user_namespace(plan::LaunchPlan& plan, std::uint32_t host_id);

struct Outcome {
    std::optional<Error> failure;  // what init reported
    kernel::ExitStatus status;
    std::string output;            // stdout and stderr, or the terminal
};

struct RunOptions {
    launch::Parent parent = launch::Parent::sibling;
    int cgroup = -1;            // to be born in
    int record_directory = -1;  // Parent::keeper
    std::function<void(pid_t)> when_ready = [](pid_t) {};
};

/// Launches, supervises and waits for the end.
Result<Outcome> run(const plan::LaunchPlan& plan, const RunOptions& options = {});

}  // namespace xctl::test
