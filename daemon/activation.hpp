// SPDX-License-Identifier: LGPL-2.1-or-later
// The descriptors that systemd gives us: listening sockets by name, and what an earlier daemon stored.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/run/parking.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl {

using NamedFds = std::map<std::string, std::vector<UniqueFd>>;

/// By FileDescriptorName= or FDNAME=; sd_listen_fds_with_names(3).
Result<NamedFds> take_passed_fds();

/// The parking lot that an earlier daemon left in systemd's descriptor store, or a new one, stored there.
Result<run::Parking> open_parking(NamedFds& passed);

/// Puts the parking lot into systemd's descriptor store once more. systemd empties the store when it reloads while the
/// unit is masked or its file is missing; storing what is there already changes nothing (systemd.service(5),
/// FileDescriptorStoreMax=).
Result<> store_parking(const run::Parking& parking);

}  // namespace xctl
