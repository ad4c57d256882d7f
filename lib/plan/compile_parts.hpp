// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of compile(), each with its own file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"
#include "lib/oci/state.hpp"
#include "lib/plan/compile.hpp"
#include "lib/plan/plan.hpp"

namespace xctl::plan {

/// What every part reads, and where it says what its owner should know.
struct Context {
    const oci::Spec& spec;
    std::string_view bundle;
    Warnings& warnings;
    oci::State state;  // as hooks and handlers of notifications read it; pid 0: that of the process to be launched
};

[[nodiscard]] std::vector<IdMap> to_id_maps(const std::vector<oci::IdMapping>& mappings);

Result<std::vector<Mount>> compile_mounts(const Context& context);
[[nodiscard]] std::vector<Device> compile_devices(const Context& context, const std::vector<Mount>& mounts);
[[nodiscard]] std::vector<Symlink> compile_links(const std::vector<Mount>& mounts);
[[nodiscard]] std::vector<std::uint64_t> compile_device_rules(const std::vector<oci::DeviceRule>& rules);
/// Whoever is root of the container's user namespace, if the container mounts its cgroup to write to it (config-linux.md,
/// "Cgroup ownership").
[[nodiscard]] std::optional<std::uint32_t> find_cgroup_owner(const oci::Spec& spec);
/// How deep and how large the tree below the container's cgroup may become, unless linux.resources.unified says so or the
/// container cannot make cgroups at all. `cgroup.owner` is known already.
void limit_tree(const oci::Spec& spec, Cgroup& cgroup);
[[nodiscard]] Hooks compile_hooks(const Context& context);
Result<Process> compile_process(const Context& context);
/// Of a process that joins a container; the first one has none.
Result<> compile_affinity(const oci::Process& source, Process& out);
Result<Seccomp> compile_seccomp(const Context& context);

/// The text before, between and after the places of a pid that is 0.
[[nodiscard]] std::vector<std::string> around_pids(std::string_view json);

}  // namespace xctl::plan
