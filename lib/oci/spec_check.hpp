// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules of the specification that relate properties to each other or constrain a text.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/spec.hpp"

namespace xctl::oci {

/// The first broken rule as invalid_document: "/json/pointer: rule".
Result<> check_spec(const Spec& spec);

/// The file below /proc/sys of a sysctl's name. As in sysctl(8), the first separator decides: after a '.' the two
/// change roles, so that net.ipv4.conf.eth0/1.forwarding names an interface with a dot.
[[nodiscard]] std::string sysctl_file(std::string_view name);

/// The rules for `linux.resources`, with pointers below /linux/resources.
Result<> check_resources(const Resources& resources);

/// The rules for `process`, with pointers below /process.
Result<> check_process(const Process& process);

}  // namespace xctl::oci
