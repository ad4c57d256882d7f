// SPDX-License-Identifier: LGPL-2.1-or-later
// A process that calls us, described for people.
#pragma once

#include <sys/types.h>

#include "api/types.hpp"

namespace xctl::manager {

/// `pid` 0: the transport does not know it.
[[nodiscard]] api::Peer describe_peer(uid_t uid, pid_t pid);

/// For records of who asked for what.
[[nodiscard]] inline std::string to_text(const api::Peer& peer) { return "uid " + std::to_string(peer.uid); }

}  // namespace xctl::manager
