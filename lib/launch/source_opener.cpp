// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/source_opener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <span>
#include <string>

#include "lib/kernel/process.hpp"
#include "lib/kernel/raw.hpp"
#include "lib/kernel/root_path.hpp"
#include "lib/kernel/socket.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

/// One packet, with the descriptor.
struct SourceOffer {
    std::int32_t row = -1;  // of the mounts; -1: there are no more
};

bool send_offer(int gate, std::int32_t row, int source) {
    const SourceOffer offer{row};
    const std::span<const int> fds(&source, source >= 0 ? 1 : 0);
    return kernel::send_with_fds(gate, std::as_bytes(std::span(&offer, 1)), fds).has_value();
}

/// Only the gate stays: whoever waits for the end of another descriptor must not wait for us.
void close_all_but(int fd) {
    if (fd > 0) raw::call<SYS_close_range>(0, static_cast<unsigned>(fd) - 1, 0);
    raw::call<SYS_close_range>(static_cast<unsigned>(fd) + 1, ~0U, 0);
}

[[noreturn]] void open_sources_for(const Context& context, pid_t init, int gate) {
    close_all_but(gate);
    // The kernel resolves the paths among the init's mounts, with our privileges.
    const auto path = "/proc/" + std::to_string(init) + "/root";
    const raw::Fd root(raw::call<SYS_openat>(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto& mounts = context.plan->root.mounts;
    for (std::size_t i = 0; i < mounts.size() && !root.failed(); ++i) {
        if (!lacks_source(context, i)) continue;
        const raw::Fd source(raw::open_in_root(root.get(), mounts[i].source.c_str(), source_flags(mounts[i])));
        if (!source.failed() && !send_offer(gate, static_cast<std::int32_t>(i), source.get())) break;
    }
    send_offer(gate, -1, -1);
    while (true) raw::call<SYS_exit_group>(0);
}

/// The row and its descriptor; row -1 at the end. 0 or a failure.
int receive_offer(int gate, std::int32_t* row, int* source) {
    SourceOffer offer;
    iovec data{.iov_base = &offer, .iov_len = sizeof offer};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    int size = 0;
    do size = raw::call<SYS_recvmsg>(gate, &header, MSG_CMSG_CLOEXEC);
    while (raw::errno_of(size) == EINTR);
    if (size < 0) return size;
    if (const cmsghdr* const rights = CMSG_FIRSTHDR(&header); rights != nullptr && rights->cmsg_type == SCM_RIGHTS)
        std::memcpy(source, CMSG_DATA(rights), sizeof *source);
    *row = size == sizeof offer ? offer.row : -1;
    return 0;
}

}  // namespace

bool lacks_source(const Context& context, std::size_t i) {
    const auto& root = context.plan->root;
    const auto& mount = root.mounts[i];
    return mount.kind == plan::MountKind::bind && context.trees[i] < 0 && context.sources[i] < 0 &&
           !is_in_root(root, mount);
}

bool needs_source_opener(const Context& context) {
    if (!context.in_user_namespace || ::geteuid() != 0) return false;
    if (!has_new_namespace(*context.plan, plan::NamespaceKind::mount)) return false;
    for (std::size_t i = 0; i < context.sources.size(); ++i)
        if (lacks_source(context, i)) return true;
    return false;
}

void offer_sources(const Context& context, pid_t init, int gate) {
    auto between = kernel::clone_process({});
    if (between && between->pid == 0) {
        // The opener is nobody's child, so that nobody has to wait for it.
        const auto opener = kernel::clone_process({});
        if (opener && opener->pid == 0) open_sources_for(context, init, gate);
        if (!opener) send_offer(gate, -1, -1);
        while (true) raw::call<SYS_exit_group>(0);
    }
    const bool waited = between && kernel::wait_exit(between->pidfd.get());
    if (!waited) send_offer(gate, -1, -1);
}

int receive_sources(Context& context) {
    const auto count = static_cast<std::int32_t>(context.sources.size());
    while (true) {
        std::int32_t row = -1;
        int source = -1;
        if (const int result = receive_offer(context.gate, &row, &source); result < 0) return result;
        if (row < 0 || row >= count) return 0;
        context.sources[static_cast<std::size_t>(row)] = source;
    }
}

}  // namespace xctl::launch
