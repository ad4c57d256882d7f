// SPDX-License-Identifier: LGPL-2.1-or-later
// The init's side of its opener (parent/source_opener.hpp), and the packets between the two.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/launch/init/context.hpp"

namespace xctl::launch {

/// A packet, with or without a descriptor.
struct Offer {
    std::int32_t row = -1;     // of the mounts; -1: there are no more
    std::int32_t failure = 0;  // of raw.hpp, when ids were to be mapped
};

/// Returns 0 or a failure; `fd` may be -1.
int send_offer(int gate, const Offer& offer, int fd);

/// Returns 0 or a failure. At the end of the other side the row is -1.
int receive_offer(int gate, Offer* offer, int* fd);

/// Fills `context.sources` with what the opener offers. Returns 0 or a failure.
int receive_sources(Context& context);

/// Has the opener map the ids of the tree, which will be the mount of row `i`. Returns 0 or a failure.
int map_ids_by_opener(const Context& context, std::size_t i, int tree);

/// Whether row `i` is a bind mount whose source is a path of the host that nobody has opened yet.
[[nodiscard]] bool lacks_source(const Context& context, std::size_t i);

/// Whether row `i` is an idmapped bind mount of a part of the container's root, and the opener maps its ids.
[[nodiscard]] bool is_mapped_by_opener(const Context& context, std::size_t i);

}  // namespace xctl::launch
