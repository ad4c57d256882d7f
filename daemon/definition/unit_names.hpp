// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of systemd units, and words in their files. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/container_id.hpp"

namespace xctl::definition {

[[nodiscard]] std::string scope_name(std::string_view container);
/// The container whose scope it would be; empty when it is none of ours.
[[nodiscard]] std::string_view container_of_scope(std::string_view unit);
[[nodiscard]] std::string service_name(std::string_view container);
/// The NAME of oci@NAME.service; empty for any other unit.
[[nodiscard]] std::string_view container_of_service(std::string_view unit);
[[nodiscard]] std::string socket_name(std::string_view container);

/// The point in the order of units that a container comes before, and those after that want to come after it.
[[nodiscard]] std::string up_target_name(std::string_view container);

/// "/srv/a-b" -> "srv-a\x2db", as systemd-escape(1) --path does.
[[nodiscard]] std::string escaped_path(std::string_view path);

/// The units that RequiresMountsFor=PATH would look for, the outermost first; without the root's, which is there.
[[nodiscard]] std::vector<std::string> mount_units_for(std::string_view path);

/// The unit that is active while the interface is there.
[[nodiscard]] std::string device_unit_of(std::string_view interface);

/// One word of a setting in a unit file, whatever is in it.
[[nodiscard]] std::string unit_file_word(std::string_view text);

}  // namespace xctl::definition
