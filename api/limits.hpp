// SPDX-License-Identifier: LGPL-2.1-or-later
// The most that one call and one answer hold. A container decides how many processes, interfaces and addresses it has
// and how long their names are, so xctld reads and sends no more than this, and counts what an answer leaves out.
//
// The transports have limits of their own: sd-varlink refuses a message of more than 16 MiB, and a bus drops the
// connection of a sender whose message is larger than 128 MiB (D-Bus specification, "Message Format").
#pragma once

#include <cstddef>

namespace xctl::api {

/// Lists that grow by what a container does.
inline constexpr std::size_t kMaxProcesses = 4096;
inline constexpr std::size_t kMaxInterfaces = 256;
inline constexpr std::size_t kMaxAddresses = 64;          // of one interface
inline constexpr std::size_t kMaxListBytes = 8U << 20;    // of all rows of a list as JSON

/// Single texts, in bytes of UTF-8. The end of a longer one is cut off and "..." stands there.
inline constexpr std::size_t kMaxCommandBytes = 4096;     // a process's command line
inline constexpr std::size_t kMaxPathBytes = 4096;        // of a file or cgroup
inline constexpr std::size_t kMaxMessageBytes = 16U << 10;  // of an error

/// The largest answer that is sent at all. A caller who asks for more gets an error instead.
inline constexpr std::size_t kMaxAnswerBytes = 16U << 20;

/// The bounds of a call.
inline constexpr std::size_t kMaxNames = 512;             // of one call
inline constexpr std::size_t kMaxSettings = 512;          // of one `set`

}  // namespace xctl::api
