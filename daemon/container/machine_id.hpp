// SPDX-License-Identifier: LGPL-2.1-or-later
// The number that a container has among machines. machine-id(5).
#pragma once

#include <systemd/sd-id128.h>

#include <cstdint>
#include <string>
#include <vector>

namespace xctl::container {

/// The host's, as it is for us alone; null where it has none.
[[nodiscard]] sd_id128_t host_id();

/// 16 bytes: the container_uuid in its environment, which systemd takes for its machine ID, or else a number that stays
/// the same for containers of this name on this host. Empty if the host's is null.
[[nodiscard]] std::vector<std::uint8_t> machine_id(const std::string& name, const std::vector<std::string>& env,
                                                   const sd_id128_t& host);

}  // namespace xctl::container
