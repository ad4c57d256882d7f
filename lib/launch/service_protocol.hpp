// SPDX-License-Identifier: LGPL-2.1-or-later
// What xctld and xctl-launch say to each other, over SOCK_SEQPACKET sockets, with descriptors as SCM_RIGHTS.
//
// Two conversations use the same messages.
//   Warm:  xctld starts `xctl-launch --serve` with the socket as descriptor 3, sends Order after Order and gets a
//          Report for each, in order.
//   Unit:  systemd starts `xctl-launch --unit NAME`, which connects to kLaunchSocket and sends Hello. xctld
//          answers Order or Refusal; xctl-launch launches into its unit's payload cgroup, sends Report and waits
//          for Verdict before it exits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"
#include "lib/launch/init_parent.hpp"

namespace xctl::launch {

inline constexpr std::string_view kLaunchSocket = "/run/xctl/launch";
inline constexpr std::size_t kMaxText = 4096;  // of names and error texts

enum class ServiceKind : std::uint8_t { hello, order, refusal, report, announce, verdict };

/// One packet: this header, then `text`. Which fields mean something depends on the kind:
///   hello     text = container name                                    unit launcher -> xctld
///   order     parent, terminal; fds = plan (a memfd), channel, then    xctld -> launcher
///             stdio[3] without a terminal, then record directory with Parent::keeper
///   refusal   text = why not                                           xctld -> unit launcher
///   report    pid, error, text; fds = pidfd [, keeper pidfd]           launcher -> xctld
///   announce  the init is ready: notify systemd (MAINPID, and READY    xctld -> unit launcher, which
///             unless ready_later), then echo announce back             answers announce
///   verdict   error (0: running), text                                 xctld -> unit launcher
struct ServiceMessage {
    ServiceKind kind{};
    Parent parent{};
    bool terminal = false;
    bool ready_later = false;
    std::int32_t pid = -1;
    std::int32_t error = 0;
    std::string text;
};

struct ReceivedService {
    ServiceMessage message;
    UniqueFd fds[8];
    std::size_t fd_count = 0;
};

/// The packet without its descriptors; a longer text is cut to kMaxText bytes.
[[nodiscard]] std::vector<std::byte> encode_service(const ServiceMessage& message);
/// Errc::invalid_document unless encode_service() makes these very bytes of the answer.
Result<ServiceMessage> parse_service(std::span<const std::byte> packet);

/// Blocking or not as the socket is; EAGAIN is Errc::system with that errno; end of file is Errc::cancelled.
Result<> send_service(int socket, const ServiceMessage& message, std::span<const int> fds);
Result<ReceivedService> receive_service(int socket);

}  // namespace xctl::launch
