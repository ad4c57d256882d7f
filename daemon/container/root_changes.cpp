// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/container/root_changes.hpp"

#include <sys/mman.h>
#include <sys/mount.h>

#include <algorithm>
#include <format>
#include <memory>
#include <ranges>
#include <span>

#include "daemon/definition/shares.hpp"
#include "lib/plan/path.hpp"

namespace xctl::container {
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
plan::Mount bind_of_node(const definition::DeviceShare& share) {
    plan::Mount mount{};
    mount.kind = plan::MountKind::bind;
    mount.source = share.path;
    mount.target = plan::normalized("/", share.destination);
    return mount;
}

void add_device(const definition::DeviceShare& share, const plan::LaunchPlan& after, launch::RootChange& change) {
    if (change.user_namespace)
        change.mounts.push_back(bind_of_node(share));
    else if (const auto* device = row_at(after.root.devices, &plan::Device::path, share.destination))
        change.devices.push_back(*device);
}

std::unexpected<Error> unknown_mount(std::string_view key, const std::string& destination) {
    return fail(Errc::wrong_state, std::format("/{}: {}: xctld does not know which mount of the container this is; "
                                               "restart the container instead",
                                               key, destination));
}

Result<> take_bind_away(const oci::Mount& bind, const launch::MountIds& mounted, launch::RootChange& change) {
    const auto target = plan::normalized("/", bind.destination);
    const auto found = mounted.find(target);
    if (found != mounted.end())
        change.gone_mounts[target] = found->second;
    // A device that was copied as a link is no mount.
    else if (!std::ranges::contains(bind.options, "copy-symlink"))
        return unknown_mount("binds", bind.destination);
    return {};
}

Result<> take_device_away(const definition::DeviceShare& share, const plan::LaunchPlan& before,
                          const launch::MountIds& mounted, launch::RootChange& change) {
    launch::GoneNode node;
    const auto target = plan::normalized("/", share.destination);
    if (const auto* device = row_at(before.root.devices, &plan::Device::path, share.destination)) node.device = *device;
    node.device.path = target;
    if (const auto found = mounted.find(target); found != mounted.end()) node.mount = found->second;
    // There are no nodes in a user namespace.
    if (change.user_namespace && !node.mount) return unknown_mount("devices", share.destination);
    change.gone_nodes.push_back(std::move(node));
    return {};
}

/// Shared with the process that makes the mounts.
class SharedIds {
public:
    explicit SharedIds(std::size_t count) : count_(count) {
        void* const memory = ::mmap(nullptr, size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED) numbers_ = static_cast<std::uint64_t*>(memory);
    }
    SharedIds(const SharedIds&) = delete;
    SharedIds& operator=(const SharedIds&) = delete;
    ~SharedIds() {
        if (numbers_ != nullptr) ::munmap(numbers_, size());
    }
    /// Empty without memory.
    [[nodiscard]] std::span<std::uint64_t> numbers() const { return {numbers_, numbers_ != nullptr ? count_ : 0}; }

private:
    [[nodiscard]] std::size_t size() const { return (count_ + 1) * sizeof(std::uint64_t); }

    std::size_t count_;
    std::uint64_t* numbers_ = nullptr;
};

Result<> make_change(int pidfd, const launch::RootChange& change, std::span<std::uint64_t> numbers) {
    const auto ids = TRY(launch::change_live_root(pidfd, change));
    for (std::size_t i = 0; i < change.mounts.size(); ++i)
        if (const auto found = ids.find(change.mounts[i].target); found != ids.end()) numbers[i] = found->second;
    return {};
}

launch::MountIds ids_of(const std::vector<std::string>& targets, std::span<const std::uint64_t> numbers) {
    launch::MountIds ids;
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (numbers[i] != 0) ids[targets[i]] = numbers[i];
    return ids;
}

}  // namespace

Result<launch::RootChange> root_change(const RootStates& states, const launch::MountIds& mounted) {
    const auto& [before, plan_before, now, after] = states;
    launch::RootChange change;
    change.root = after.root.path;
    change.user_namespace = std::ranges::contains(after.namespaces, plan::NamespaceKind::user, &plan::Namespace::kind);
    for (const auto& text : without(before.binds, now.binds))
        TRY(take_bind_away(definition::parse_bind(text).value(), mounted, change));
    for (const auto& text : without(before.devices, now.devices))
        TRY(take_device_away(definition::parse_device_share(text).value(), plan_before, mounted, change));
    for (const auto& text : without(now.binds, before.binds))
        if (const auto* mount =
                row_at(after.root.mounts, &plan::Mount::target, definition::parse_bind(text).value().destination))
            change.mounts.push_back(*mount);
    for (const auto& text : without(now.devices, before.devices))
        add_device(definition::parse_device_share(text).value(), after, change);
    return change;
}

void RootChanges::start(int pidfd, launch::RootChange change, Done done) {
    if (change.empty()) return done(launch::MountIds());
    const auto shared = std::make_shared<SharedIds>(change.mounts.size());
    if (shared->numbers().size() != change.mounts.size())
        return done(fail(Errc::system, "no memory to share with a process"));
    std::vector<std::string> targets;
    for (const auto& mount : change.mounts) targets.push_back(mount.target);
    errand_.start([&] { return make_change(pidfd, change, shared->numbers()); },
                  [this, shared, targets = std::move(targets), done = std::move(done)](Result<> changed) {
                      timer_.reset();
                      if (!changed) return done(std::unexpected(std::move(changed).error()));
                      done(ids_of(targets, shared->numbers()));
                  });
    if (!errand_.is_running()) return;
    loop_.arm(timer_, kPatience, [this](std::uint32_t) {
        errand_.give_up({Errc::timeout, 0, "the container's mounts could not be changed in time", {}, {}});
    });
}

}  // namespace xctl::container
