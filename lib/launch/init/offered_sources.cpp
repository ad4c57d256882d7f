// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/init/offered_sources.hpp"

#include <sys/socket.h>

#include "lib/kernel/raw.hpp"
#include "lib/kernel/rights.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

}  // namespace

int send_offer(int gate, const Offer& offer, int fd) {
    iovec data{.iov_base = const_cast<Offer*>(&offer), .iov_len = sizeof offer};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    raw::Rights<1> rights;
    if (fd >= 0) rights.put(header, {&fd, 1});
    int sent = 0;
    do sent = raw::call<SYS_sendmsg>(gate, &header, MSG_NOSIGNAL);
    while (raw::errno_of(sent) == EINTR);
    return sent < 0 ? sent : 0;
}

int receive_offer(int gate, Offer* offer, int* fd) {
    iovec data{.iov_base = offer, .iov_len = sizeof *offer};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    raw::Rights<1> rights;
    rights.expect(header);
    int size = 0;
    do size = raw::call<SYS_recvmsg>(gate, &header, MSG_CMSG_CLOEXEC);
    while (raw::errno_of(size) == EINTR);
    if (size < 0) return size;
    raw::take_rights(header, [&](int taken) { *fd = taken; });
    if (size != sizeof *offer) offer->row = -1;
    return 0;
}

bool lacks_source(const Context& context, std::size_t i) {
    const auto& root = context.plan->root;
    const auto& mount = root.mounts[i];
    return mount.kind == plan::MountKind::bind && context.trees[i] < 0 && context.sources[i] < 0 &&
           !is_in_root(root, mount);
}

bool is_mapped_by_opener(const Context& context, std::size_t i) {
    const auto& root = context.plan->root;
    const auto& mount = root.mounts[i];
    return mount.kind == plan::MountKind::bind && context.in_user_namespace && context.id_maps[i] >= 0 &&
           context.trees[i] < 0 && is_in_root(root, mount);
}

int receive_sources(Context& context) {
    const auto count = static_cast<std::int32_t>(context.sources.size());
    while (true) {
        Offer offer;
        int source = -1;
        if (const int result = receive_offer(context.gate, &offer, &source); result < 0) return result;
        if (offer.row < 0 || offer.row >= count) return 0;
        context.sources[static_cast<std::size_t>(offer.row)] = source;
    }
}

int map_ids_by_opener(const Context& context, std::size_t i, int tree) {
    Offer offer{.row = static_cast<std::int32_t>(i)};
    int result = send_offer(context.gate, offer, tree);
    int none = -1;
    if (result >= 0) result = receive_offer(context.gate, &offer, &none);
    if (result < 0) return result;
    return offer.row < 0 ? raw::failure(EPROTO) : offer.failure;
}

}  // namespace xctl::launch
