// SPDX-License-Identifier: LGPL-2.1-or-later
// Spec + overrides -> LaunchPlan. Asks nothing of the system but the kernel's capability numbers: it works without
// root and gives the same plan for the same input.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"
#include "lib/oci/state.hpp"
#include "lib/plan/plan.hpp"
#include "lib/plan/seccomp_profile.hpp"

namespace xctl::plan {

/// What a definition or a command line may say instead of config.json. Absent and empty members change nothing.
struct Overrides {
    std::vector<std::string> args;  // instead of process.args
    std::vector<std::string> env;   // NAME=value, added to process.env or replacing there
    std::string cwd;                // instead of process.cwd
    std::string hostname;           // instead of hostname
    std::optional<bool> terminal;   // instead of process.terminal
    bool default_seccomp = false;   // besides config.json's own annotation; see seccomp_profile.hpp
    ProfileReader read_profile = nullptr;
    std::vector<oci::Mount> mounts{};             // after mounts
    std::vector<oci::Device> devices{};           // after linux.devices
    std::vector<oci::DeviceRule> device_rules{};  // after linux.resources.devices, if there are any
};

/// Facts that do not prevent a launch but that its owner should know, each "/json/pointer: what".
using Warnings = std::vector<std::string>;

/// `spec` must have passed oci::check_spec and apply_profile. `bundle` is the absolute directory that relative paths
/// start from.
Result<LaunchPlan> compile(const oci::Spec& spec, std::string_view bundle, std::string_view id,
                           const Overrides& overrides, Warnings* warnings = nullptr);

/// One more process for the running container of `spec`, which is in `state`: its seccomp filter is that of the
/// container, and apply_profile has seen to it. Which namespaces it joins is whoever launches it to say.
Result<LaunchPlan> compile_exec(const oci::Spec& spec, const oci::Process& process, const oci::State& state,
                                Warnings* warnings = nullptr);

/// One kind of hooks, for whoever runs them outside the container.
[[nodiscard]] std::vector<Hook> to_hooks(const std::vector<oci::Hook>& hooks);

/// Nothing when the document asks for nothing.
[[nodiscard]] std::optional<IntelRdt> to_rdt(const std::optional<oci::IntelRdt>& source);

/// Limits alone, for a running container. They must have passed oci::check_resources.
[[nodiscard]] Cgroup compile_cgroup(const oci::Resources& resources, std::string_view oci_version,
                                    Warnings* warnings = nullptr);

struct Compiled {
    LaunchPlan plan;
    oci::Spec spec;  // with the merge patch and the overrides applied
    Warnings warnings;
};

/// Everything in one call: parse, patch, override, check, refuse the unsupported, apply the profile, compile. Errors
/// begin with `config_file`. `merge_patch` may be empty.
Result<Compiled> compile_document(std::string_view config_text, std::string_view config_file,
                                  std::string_view merge_patch, std::string_view bundle, std::string_view id,
                                  const Overrides& overrides);

}  // namespace xctl::plan
