// SPDX-License-Identifier: LGPL-2.1-or-later
// What the container's init and its supervisor say to each other between clone and exec, over a SOCK_SEQPACKET
// pair. The init's end is close-on-exec: end of file without a `failed` message means that exec succeeded, or,
// when the init's pidfd has become readable, that it died.
//
//   init                         supervisor
//   console {fd}      ──▶                          only with a terminal: the pty master
//   await_placement   ──▶        puts the init into its payload cgroup
//                     ◀──  placed
//   await_hooks       ──▶        only when the plan says so: runs hooks outside the container
//                     ◀──  hooks_done
//   mounted {index, id} ──▶      for each row of the plan that asks for it: the mount that was made of it
//   ready             ──▶        parks descriptors, tells systemd
//                     ◀──  go
//
// A supervisor that wants to exit before the start answers `ready` with `hold` instead. The init then lets go of the
// channel and accepts connections on its start socket: the first that says `go` becomes its channel. Only execve(2)
// or its death closes that socket, so whether it still listens tells a created container from a started one.
//
//   failed {step, errno, index}  at any time; the init exits after it
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::launch {

enum class MessageKind : std::uint8_t {
    console, await_placement, placed, ready, go, await_hooks, hooks_done, hold, failed, mounted,
};

/// As it is sent: one packet holds exactly this.
struct Message {
    MessageKind kind{};
    std::uint8_t step = 0;     // failed, mounted: row of the step table (init/steps.hpp)
    std::uint16_t call = 0;    // failed: the number of the system call; 0: a check of ours
    std::int32_t error = 0;    // failed: errno
    std::int32_t index = -1;   // the same: which mount, device, path... of the plan; -1 if the step has no list
};
static_assert(sizeof(Message) == 12);

/// A message of the kind `mounted` has the mount's number, see read_mount_id(), behind it.
struct MountedMessage {
    Message message;
    std::uint32_t id_low = 0, id_high = 0;
};
static_assert(sizeof(MountedMessage) == 20);

struct Received {
    Message message;
    UniqueFd fd;                 // console
    std::uint64_t mount_id = 0;  // mounted
};

/// Errc::invalid_document unless the packet is exactly a message of a known kind. Step, call, error, index and the mount's
/// number may hold any number.
Result<MountedMessage> parse_message(std::span<const std::byte> packet);

/// No message yet: empty optional inside. End of file: Errc::cancelled. Non-blocking.
Result<std::optional<Received>> receive(int channel);
Result<> send(int channel, MessageKind kind);

}  // namespace xctl::launch
