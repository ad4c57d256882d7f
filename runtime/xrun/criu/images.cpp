// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/criu/images.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "lib/base/fd.hpp"
#include "lib/base/table.hpp"
#include "lib/base/text.hpp"
#include "lib/kernel/cgroup.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/xrun/privileges.hpp"

namespace xctl::runtime {
namespace {

constexpr mode_t kImageMode = 0700;  // they have the memory of the container's processes
constexpr const char* kDefaultImages = "checkpoint";

/// The cgroup of a restore is made by us, with the limits of its config.json, whatever the mode; so what shall be
/// ignored is what "soft" leaves alone.
constexpr std::array<Named<CriuCgroups>, 4> kCgroupModes{{
    {"soft", CriuCgroups::soft},
    {"full", CriuCgroups::full},
    {"strict", CriuCgroups::strict},
    {"ignore", CriuCgroups::soft},
}};

constexpr std::array<Named<CriuNetworkLock>, 3> kNetworkLocks{{
    {"iptables", CriuNetworkLock::iptables},
    {"nftables", CriuNetworkLock::nftables},
    {"skip", CriuNetworkLock::skip},
}};

/// An option that is one of several words; without it `out` stays.
template <class T, std::size_t N>
Result<> choose(const std::array<Named<T>, N>& words, std::string_view option, std::string_view given, T& out) {
    if (given.empty()) return {};
    const auto known = value_of(words, given);
    if (!known) return fail(Errc::invalid_argument, "invalid " + std::string(option) + ": " + xctl::quoted(given));
    out = *known;
    return {};
}

std::unexpected<Error> refused(std::string_view option, std::string_view why) {
    return fail(Errc::unsupported, "--" + std::string(option) + " is not supported: " + std::string(why));
}

Result<> refuse_options(const Arguments& arguments) {
    if (arguments.lazy_pages) return refused("lazy-pages", "xrun runs no page server");
    if (!arguments.page_server.empty()) return refused("page-server", "xrun runs no page server");
    if (!arguments.status_fd.empty()) return refused("status-fd", "it tells when lazy pages are ready");
    if (arguments.no_pivot) return refused("no-pivot", "CRIU always pivots");
    if (arguments.pre_dump && arguments.leave_running)
        return fail(Errc::invalid_argument, "--pre-dump leaves the container running; it excludes --leave-running");
    return {};
}

Result<UniqueFd> open_image_directory(const std::string& path, MakeImages make) {
    if (make == MakeImages::yes && ::mkdir(path.c_str(), kImageMode) < 0 && errno != EEXIST)
        return fail_errno(errno, "mkdir " + path);
    return kernel::open_at(kCurrentDirectory, path, O_RDONLY | O_DIRECTORY);
}

Result<> set_empty_namespaces(const Arguments& arguments, CriuRequest& request) {
    for (const auto& name : arguments.empty_namespaces) {
        if (name != "network") return refused("empty-ns", "only network can be empty, not " + xctl::quoted(name));
        request.empty_network = true;
    }
    return {};
}

}  // namespace

Result<> open_image_directories(const Arguments& arguments, MakeImages make, CriuRequest& request) {
    const auto images = arguments.image_path.empty() ? std::string(kDefaultImages) : arguments.image_path;
    request.images = TRY(open_image_directory(images, make));
    const auto& work = arguments.work_path.empty() ? images : arguments.work_path;
    request.work = TRY(open_image_directory(work, MakeImages::yes));
    return {};
}

Result<CriuRequest> make_criu_request(const Arguments& arguments, MakeImages make) {
    TRY(refuse_options(arguments));
    if (!is_host_root()) return fail(Errc::unsupported, "checkpoints need the host's root: CRIU cannot do without");
    TRY(find_criu());
    CriuRequest request;
    TRY(set_empty_namespaces(arguments, request));
    TRY(choose(kCgroupModes, "manage-cgroups-mode", arguments.cgroups_mode, request.cgroups));
    TRY(choose(kNetworkLocks, "network-lock", arguments.network_lock, request.network_lock));
    TRY(open_image_directories(arguments, make, request));
    request.lsm_profile = arguments.lsm_profile;
    request.lsm_mount_context = arguments.lsm_mount_context;
    request.leave_running = arguments.leave_running;
    request.tcp_established = arguments.tcp_established;
    request.tcp_skip_in_flight = arguments.tcp_skip_in_flight;
    request.ext_unix_sk = arguments.ext_unix_sk;
    request.shell_job = arguments.shell_job;
    request.file_locks = arguments.file_locks;
    request.auto_dedup = arguments.auto_dedup;
    request.link_remap = arguments.link_remap;
    return request;
}

Result<> check_restorable(const oci::Spec& spec) {
    for (const auto& row : spec.linux_config.namespaces) {
        const std::string name(xctl::name_of(oci::kNamespaceNames, row.type));
        if (row.type == oci::NamespaceType::user)
            return fail(Errc::unsupported, "checkpoints of containers with a user namespace are not supported");
        if (!row.path.empty() && row.type != oci::NamespaceType::network)
            return fail(Errc::unsupported, "checkpoints of containers that join a " + name +
                                               " namespace are not supported");
    }
    if (oci::find_namespace(spec, oci::NamespaceType::mount) == nullptr)
        return fail(Errc::unsupported, "checkpoints of containers without a mount namespace are not supported");
    return {};
}

Result<std::string> cgroup_directory(const std::string& cgroup) {
    const auto root = TRY(kernel::open_cgroup_root());
    return TRY(kernel::read_fd_path(root.get())) + cgroup;
}

const oci::Namespace* joined_network(const oci::Spec& spec) {
    const auto* const row = oci::find_namespace(spec, oci::NamespaceType::network);
    return row != nullptr && !row->path.empty() ? row : nullptr;
}

}  // namespace xctl::runtime
