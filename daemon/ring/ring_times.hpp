// SPDX-License-Identifier: LGPL-2.1-or-later
// When the bytes of a ring were printed: sparse notes of offset and time, in the ring's file.
//
// Notes of the last writes are exact to kResolution. Those that leave that table go into a coarser one if they are far
// enough from the last one there, so that the two together reach back as far as the ring does.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace xctl::ring {

class RingTimes {
public:
    using Usec = std::uint64_t;  // since 1970; 0: not known
    static constexpr Usec kResolution = 10'000;

    /// What comes from `offset` on is printed at `now`. `capacity` is the ring's.
    void note(std::uint64_t offset, Usec now, std::uint64_t capacity) noexcept;

    /// Whether the notes of a file that was found are in order and none lies behind `end`.
    [[nodiscard]] bool is_valid(std::uint64_t end) const noexcept;

    struct Span {
        Usec time;
        std::uint64_t end;  // the time holds for the bytes before this offset
    };
    [[nodiscard]] Span at(std::uint64_t offset) const noexcept;

    /// Where what was printed at `time` or later begins; `end` if nothing was.
    [[nodiscard]] std::uint64_t first_since(Usec time, std::uint64_t end) const noexcept;

private:
    static constexpr std::uint64_t kNotes = 1024;

    struct Note {
        std::uint64_t offset;
        Usec time;
    };
    /// A ring of its own. The ring keeps one slot free, so that a note being written never overwrites a note that is shown.
    struct Table {
        std::atomic<std::uint64_t> count;
        Note notes[kNotes];

        [[nodiscard]] std::uint64_t first() const noexcept;
        [[nodiscard]] std::uint64_t size() const noexcept;
        void add(Note note) noexcept;
    };

    [[nodiscard]] std::uint64_t size() const noexcept { return old_.size() + recent_.size(); }
    [[nodiscard]] const Note& at_index(std::uint64_t index) const noexcept;
    template <class IsBefore>
    [[nodiscard]] std::uint64_t partition(IsBefore is_before) const noexcept;

    Table recent_;
    Table old_;
};

}  // namespace xctl::ring
