// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads a Ring from a place on: bytes of one stream, run boundaries and gaps, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "daemon/ring/ring.hpp"

namespace xctl::ring {

class ConsoleCursor {
public:
    struct Output {
        std::span<const std::byte> bytes;  // valid until the ring is next written
        std::uint64_t offset;
        bool standard_error;
    };
    struct Gap {
        std::uint64_t offset;  // where reading goes on
    };
    struct Boundary {
        Ring::Mark mark;  // run_begin or run_end
    };
    struct Time {
        RingTimes::Usec time;  // of what follows; 0: not known
    };
    struct Nothing {};
    using Item = std::variant<Nothing, Output, Gap, Boundary, Time>;

    ConsoleCursor() = default;

    /// At `offset`, before the marks there; or, with `mark`, after the marks numbered below it.
    static ConsoleCursor at(const Ring& ring, std::uint64_t offset);
    static ConsoleCursor resume(const Ring& ring, std::uint64_t offset, std::uint64_t mark);

    /// The next item of at most `limit` bytes; moves past it, for Output only by advance().
    [[nodiscard]] Item next(const Ring& ring, std::size_t limit);
    void advance(std::size_t bytes) noexcept { offset_ += bytes; }

    /// From now on, items of Time stand before what was printed at another time than what was before it.
    void tell_times() noexcept { tells_times_ = true; }

    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
    [[nodiscard]] std::uint64_t mark() const noexcept { return mark_; }

private:
    std::uint64_t offset_ = 0;
    std::uint64_t mark_ = 0;  // number of the next mark
    bool standard_error_ = false;
    bool tells_times_ = false;
    std::optional<RingTimes::Usec> told_time_;

    [[nodiscard]] bool must_tell(RingTimes::Usec time) noexcept;
};

}  // namespace xctl::ring
