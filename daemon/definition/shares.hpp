// SPDX-License-Identifier: LGPL-2.1-or-later
// What a definition shows a container of the host beside its config.json: directories, files and devices.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/oci/spec.hpp"

namespace xctl::definition {

/// SOURCE:DESTINATION[:OPTION[,OPTION]...], both paths absolute; the options are those of mounts[].options.
[[nodiscard]] std::optional<oci::Mount> parse_bind(std::string_view text);

/// PATH[:PATH_INSIDE[:ACCESS]], ACCESS of the letters r, w and m.
struct DeviceShare {
    std::string path, destination, access;
};
[[nodiscard]] std::optional<DeviceShare> parse_device_share(std::string_view text);

}  // namespace xctl::definition
