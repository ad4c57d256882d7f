// SPDX-License-Identifier: LGPL-2.1-or-later
// What checkpoint and restore share: the directories of the images, and the options for CRIU.
#pragma once

#include "lib/oci/spec.hpp"
#include "runtime/xrun/criu/criu.hpp"
#include "runtime/xrun/criu/image_record.hpp"
#include "runtime/xrun/options.hpp"

namespace xctl::runtime {

inline constexpr const char* kImageRecordFile = "xrun.json";
inline constexpr const char* kJoinedNetwork = "xrun-network";

enum class MakeImages : bool { no, yes };

/// With both directories, and what the command line says. Options that cannot be carried out are refused by name, as
/// are a user without privileges and a host without criu.
Result<CriuRequest> make_criu_request(const Arguments& arguments, MakeImages make);

/// Once more in another mount namespace: CRIU mounts below its images, and nobody can do that in a foreign one.
Result<> open_image_directories(const Arguments& arguments, MakeImages make, CriuRequest& request);

/// Refuses what CRIU cannot bring back.
Result<> check_restorable(const oci::Spec& spec);

/// Of a path below the root of the hierarchy, for a program that knows files only.
Result<std::string> cgroup_directory(const std::string& cgroup);

/// Whether its network namespace is somebody else's, by path.
[[nodiscard]] const oci::Namespace* joined_network(const oci::Spec& spec);

}  // namespace xctl::runtime
