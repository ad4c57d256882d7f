// SPDX-License-Identifier: LGPL-2.1-or-later
// CRIU through its library, which executes the program criu for every request. criu.cpp alone knows the library.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::runtime {

/// What happens to the properties of cgroups; the names are those of criu(8).
enum class CriuCgroups : unsigned char { soft, full, strict };

/// How TCP connections are held while they are saved or made again.
enum class CriuNetworkLock : unsigned char { iptables, nftables, skip };

struct CriuRequest {
    UniqueFd images, work;  // directories; the log is in the second
    std::string root;       // restore: the container's root, a mount of its own
    pid_t pid = 0;          // dump: the init
    std::string parent;     // dump: directory of the images before, relative to `images`
    std::string freezer;    // dump: the cgroup's directory
    std::string cgroup;     // restore: where the root of the dumped cgroups goes, below the root of the hierarchy
    std::string lsm_profile, lsm_mount_context;
    std::vector<std::pair<std::string, std::string>> mounts;  // dump: place and key; restore: key and source
    std::vector<std::string> externals;                       // dump: other things that are not the container's
    std::vector<std::pair<int, std::string>> inherited;       // restore: our descriptors in their stead
    CriuCgroups cgroups = CriuCgroups::soft;
    CriuNetworkLock network_lock = CriuNetworkLock::iptables;
    bool leave_running = false, tcp_established = false, tcp_skip_in_flight = false, ext_unix_sk = false;
    bool shell_job = false, file_locks = false, auto_dedup = false, link_remap = false, empty_network = false;
};

/// Called while a restore goes on; a failure ends it.
struct CriuEvents {
    std::function<Result<>(pid_t)> namespaces_made;  // with the init's number
    std::function<Result<>(UniqueFd)> terminal;      // the master of the container's terminal
};

/// The program's path. Errc::unsupported when there is none.
Result<std::string> find_criu();

Result<> criu_dump_tree(const CriuRequest& request);
/// Memory only; the container goes on.
Result<> criu_dump_memory(const CriuRequest& request);
/// The number of the init, which is our child.
Result<pid_t> criu_restore_tree(const CriuRequest& request, const CriuEvents& events);

}  // namespace xctl::runtime
