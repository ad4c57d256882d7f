// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/parent/source_opener.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "lib/kernel/mount.hpp"
#include "lib/kernel/process.hpp"
#include "lib/kernel/raw.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/launch/init/offered_sources.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

/// Whoever waits for the end of another descriptor must not wait for us.
void close_all_but(std::vector<int> kept) {
    std::ranges::sort(kept);
    unsigned low = 0;
    for (const int fd : kept) {
        if (fd < 0) continue;
        if (static_cast<unsigned>(fd) > low) raw::call<SYS_close_range>(low, static_cast<unsigned>(fd) - 1, 0);
        low = static_cast<unsigned>(fd) + 1;
    }
    raw::call<SYS_close_range>(low, ~0U, 0);
}

void open_for(const Context& context, pid_t init, int gate) {
    // The kernel resolves the paths among the init's mounts, with our privileges.
    const auto path = "/proc/" + std::to_string(init) + "/root";
    const raw::Fd root(raw::call<SYS_openat>(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto& mounts = context.plan->root.mounts;
    for (std::size_t i = 0; i < mounts.size() && !root.failed(); ++i) {
        if (!lacks_source(context, i)) continue;
        const raw::Fd source(raw::open_in_root(root.get(), mounts[i].source.c_str(), source_flags(mounts[i])));
        if (source.failed()) continue;
        if (send_offer(gate, {.row = static_cast<std::int32_t>(i)}, source.get()) < 0) return;
    }
}

int map_received(const Context& context, std::size_t i, int tree) {
    const bool all = (context.plan->root.mounts[i].rec_attr_set & MOUNT_ATTR_IDMAP) != 0;
    const raw::MountAttributes mapping{.set = MOUNT_ATTR_IDMAP, .user_namespace = context.id_maps[i]};
    return raw::set_attributes(tree, mapping, all ? raw::Subtree::yes : raw::Subtree::no);
}

/// Until the init is through with its mounts.
void map_for(const Context& context, int gate) {
    while (true) {
        Offer asked;
        int number = -1;
        if (receive_offer(gate, &asked, &number) < 0 || asked.row < 0) return;
        const raw::Fd tree(number);
        const auto row = static_cast<std::size_t>(asked.row);
        const bool known = row < context.id_maps.size() && is_mapped_by_opener(context, row);
        asked.failure = known ? map_received(context, row, tree.get()) : raw::failure(EPROTO);
        if (send_offer(gate, asked, -1) < 0) return;
    }
}

bool maps_any(const Context& context) {
    const auto rows = std::views::iota(std::size_t{0}, context.id_maps.size());
    return std::ranges::any_of(rows, [&](std::size_t i) { return is_mapped_by_opener(context, i); });
}

[[noreturn]] void run_opener(const Context& context, pid_t init, int gate) {
    auto kept = context.id_maps;
    kept.push_back(gate);
    close_all_but(std::move(kept));
    open_for(context, init, gate);
    send_offer(gate, {}, -1);
    if (maps_any(context)) map_for(context, gate);
    while (true) raw::call<SYS_exit_group>(0);
}

}  // namespace

bool may_have_opener(const Context& context) {
    return context.in_user_namespace && ::geteuid() == 0 &&
           has_new_namespace(*context.plan, plan::NamespaceKind::mount);
}

bool needs_opener(const Context& context) {
    if (!may_have_opener(context)) return false;
    const auto rows = std::views::iota(std::size_t{0}, context.sources.size());
    return maps_any(context) || std::ranges::any_of(rows, [&](std::size_t i) { return lacks_source(context, i); });
}

void start_opener(const Context& context, pid_t init, int gate) {
    auto between = kernel::clone_process({});
    if (between && between->pid == 0) {
        // The opener is nobody's child, so that nobody has to wait for it.
        const auto opener = kernel::clone_process({});
        if (opener && opener->pid == 0) run_opener(context, init, gate);
        if (!opener) send_offer(gate, {}, -1);
        while (true) raw::call<SYS_exit_group>(0);
    }
    const bool waited = between && kernel::wait_exit(between->pidfd);
    if (!waited) send_offer(gate, {}, -1);
}

}  // namespace xctl::launch
