// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/shares.hpp"

#include <algorithm>

#include "lib/base/table.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/mount_options.hpp"

namespace xctl::definition {
namespace {

constexpr std::string_view kAccess = "rwm";

/// Absolute, and not the root however it is written.
bool is_place(std::string_view path) {
    return path.starts_with('/') && path.find_first_not_of("/.") != std::string_view::npos;
}

/// config.json may say more than a bind can do, as for other runtimes; here nobody means that.
bool is_of_bind(std::string_view option) {
    using enum oci::MountEffect;
    const auto* row = find_row(oci::kMountOptions, option);
    return row != nullptr && row->effect != superblock && row->effect != copy_up && row->effect != change;
}

bool is_recursive_or_not(std::string_view option) { return option == "bind" || option == "rbind"; }

}  // namespace

std::optional<oci::Mount> parse_bind(std::string_view text) {
    const auto words = split(text, ':');
    if (words.size() < 2 || words.size() > 3 || !words[0].starts_with('/') || !is_place(words[1])) return std::nullopt;
    oci::Mount mount{words[1], "bind", words[0], {}, {}, {}};
    if (words.size() == 3) mount.options = split(words[2], ',');
    if (!std::ranges::all_of(mount.options, is_of_bind)) return std::nullopt;
    if (std::ranges::none_of(mount.options, is_recursive_or_not)) mount.options.emplace_back("rbind");
    return mount;
}

std::optional<DeviceShare> parse_device_share(std::string_view text) {
    const auto words = split(text, ':');
    if (words.size() > 3 || !is_place(words[0])) return std::nullopt;
    DeviceShare share{words[0], words.size() > 1 ? words[1] : words[0],
                      words.size() > 2 ? words[2] : std::string(kAccess)};
    if (!is_place(share.destination) || share.access.empty()) return std::nullopt;
    if (share.access.find_first_not_of(kAccess) != std::string::npos) return std::nullopt;
    return share;
}

}  // namespace xctl::definition
