// SPDX-License-Identifier: LGPL-2.1-or-later
// The default profile of system calls: who asks for it, and what it comes to for one container.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/seccomp_profile.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::plan {

inline constexpr const char* kProfileFile = "/usr/share/xctl/seccomp.json";
inline constexpr std::string_view kProfileAnnotation = "org.xctl.seccomp";
inline constexpr std::string_view kDefaultProfile = "default";

/// The text of a profile's file. Compiling a plan reads nothing itself.
using ProfileReader = Result<std::string> (*)(const std::string& file);

/// What `linux.seccomp` would say for a process that can gain no capability but these. `machine` is the architecture
/// that the filter is for, as libseccomp names it. A capability that nobody knows is an error; a call is one that an
/// older library lacks, and compiling the filter warns of it.
Result<oci::Seccomp> resolve_profile(const oci::SeccompProfile& profile, std::string_view machine,
                                     const std::vector<std::string>& capabilities);

/// Gives `spec` the default profile if the definition or its own annotation asks for it; otherwise it stays as it is.
/// A container that also has a filter of its own would have to lose one of them, so that is an error.
Result<> apply_profile(oci::Spec& spec, bool definition_asks, ProfileReader read);

}  // namespace xctl::plan
