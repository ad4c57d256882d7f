// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/root_changes.hpp"

#include <sys/mount.h>

#include <algorithm>
#include <ranges>

#include "daemon/shares.hpp"
#include "lib/plan/path.hpp"

namespace xctl {
namespace {

constexpr std::chrono::seconds kPatience{10};

std::vector<std::string> without(const std::vector<std::string>& these, const std::vector<std::string>& those) {
    std::vector<std::string> out;
    std::ranges::copy_if(these, std::back_inserter(out),
                         [&](const auto& text) { return !std::ranges::contains(those, text); });
    return out;
}

/// The last row with this target: those of a definition come after those of config.json. Null if there is none.
template <class Rows>
auto row_at(const Rows& rows, std::string Rows::value_type::*place, const std::string& path) {
    const auto target = plan::normalized("/", path);
    const auto from_end = rows | std::views::reverse;
    const auto found = std::ranges::find(from_end, target, place);
    return found == from_end.end() ? nullptr : &*found;
}

/// A node that was made in a user namespace could not be used; the host's own is shown instead.
plan::Mount bind_of_node(const DeviceShare& share) {
    plan::Mount mount{};
    mount.kind = plan::MountKind::bind;
    mount.source = share.path;
    mount.target = plan::normalized("/", share.destination);
    return mount;
}

void add_device(const DeviceShare& share, const plan::LaunchPlan& after, launch::RootChange& change) {
    if (change.user_namespace)
        change.mounts.push_back(bind_of_node(share));
    else if (const auto* device = row_at(after.root.devices, &plan::Device::path, share.destination))
        change.devices.push_back(*device);
}

}  // namespace

launch::RootChange root_change(const Definition& before, const Definition& now, const plan::LaunchPlan& after) {
    launch::RootChange change;
    change.user_namespace = std::ranges::contains(after.namespaces, plan::NamespaceKind::user, &plan::Namespace::kind);
    // The last that was mounted goes first.
    for (const auto& text : without(before.binds, now.binds) | std::views::reverse)
        change.gone_mounts.push_back(plan::normalized("/", parse_bind(text).value().destination));
    for (const auto& text : without(before.devices, now.devices))
        change.gone_nodes.push_back(plan::normalized("/", parse_device_share(text).value().destination));
    for (const auto& text : without(now.binds, before.binds))
        if (const auto* mount = row_at(after.root.mounts, &plan::Mount::target, parse_bind(text).value().destination))
            change.mounts.push_back(*mount);
    for (const auto& text : without(now.devices, before.devices))
        add_device(parse_device_share(text).value(), after, change);
    return change;
}

void RootChanges::start(int pidfd, launch::RootChange change, Done done) {
    if (change.empty()) return done({});
    errand_.start([&] { return launch::change_live_root(pidfd, change); },
                  [this, done = std::move(done)](Result<> changed) {
                      timer_.reset();
                      done(std::move(changed));
                  });
    auto timer = loop_.add_timer(kPatience, [this](std::uint32_t) {
        errand_.give_up({Errc::timeout, 0, "the container's mounts could not be changed in time", {}, {}});
    });
    if (timer && errand_.is_running()) timer_ = std::move(*timer);
}

}  // namespace xctl
