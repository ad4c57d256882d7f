// SPDX-License-Identifier: LGPL-2.1-or-later
// The framed console stream: what travels over the socket of Attach, Logs and Run when `framed` is asked for.
// Both ends are on one machine, so numbers are in host byte order.
//
// Every frame is a header and `length` bytes. xctld sends output, gap, run_begin, run_end, live, end,
// role and, where `timestamps` is asked for, time; the client sends input, end_of_input and resize. A client that
// closes its socket is detached.
//
// To resume after a lost connection without a byte lost or doubled, ask again with `offset` and `mark` of the
// place that was reached: offset + length of the last output frame, and the `mark` of the last frame.
#pragma once

#include <cstdint>

namespace xctl::api {

enum class FrameKind : std::uint8_t {
    output,        // payload: console bytes; `detail`: 0 stdout or terminal, 1 stderr; offset: of the first byte
    gap,           // offset: where output goes on; the bytes before it were overwritten before they could be sent
    run_begin,     // a start of the container; payload: none; detail: 1 = this run has a terminal
    run_end,       // its end; payload: RunEnd
    live,          // all that was kept has been sent; what follows is new. payload: none; detail: 1 = the
                   // current run has a terminal
    end,           // nothing more will come (Logs without follow, or the container was deleted)
    input,         // payload: bytes for the terminal or stdin
    end_of_input,  // closes stdin, or types the terminal's VEOF if this client has typed; it only watches from then on
    resize,        // payload: Size
    role,          // detail: Role. A client that may write takes itself for the writer until a frame says otherwise.
                   // payload: none
    time,          // what follows was printed at this time; payload: microseconds since 1970 as 8 bytes, 0 if unknown
};

enum class Role : std::uint8_t {
    waiting,           // another client writes, and what this client sends is dropped
    writer,            // what this client sends is the container's input
    writer_to_nobody,  // what this client sends is dropped: standard input was closed, until the next start
};

struct FrameHeader {
    FrameKind kind;
    std::uint8_t detail;
    std::uint16_t reserved;
    std::uint32_t length;
    std::uint64_t offset;
    std::uint64_t mark;  // boundaries (of runs and streams) passed so far, this frame's own included
};
static_assert(sizeof(FrameHeader) == 24);

inline constexpr FrameKind kLastFrameKind = FrameKind::time;
inline constexpr std::uint32_t kMaxFramePayload = 64 * 1024;

struct RunEnd {
    std::uint8_t signaled;  // status is a signal's number
    std::uint8_t final;     // the restart policy will not start it again
    std::uint16_t reserved;
    std::int32_t status;    // -1: nobody knows
};
static_assert(sizeof(RunEnd) == 8);

struct Size {
    std::uint16_t rows;
    std::uint16_t columns;
};

}  // namespace xctl::api
