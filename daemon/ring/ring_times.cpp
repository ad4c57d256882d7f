// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/ring_times.hpp"

#include <algorithm>
#include <limits>

namespace xctl::ring {

std::uint64_t RingTimes::Table::first() const noexcept {
    const auto all = count.load(std::memory_order_relaxed);
    return all >= kNotes ? all - kNotes + 1 : 0;
}

std::uint64_t RingTimes::Table::size() const noexcept { return count.load(std::memory_order_relaxed) - first(); }

void RingTimes::Table::add(Note note) noexcept {
    const auto number = count.load(std::memory_order_relaxed);
    notes[number % kNotes] = note;
    count.store(number + 1, std::memory_order_release);
}

const RingTimes::Note& RingTimes::at_index(std::uint64_t index) const noexcept {
    const auto& table = index < old_.size() ? old_ : recent_;
    const auto place = index < old_.size() ? index : index - old_.size();
    return table.notes[(table.first() + place) % kNotes];
}

bool RingTimes::is_valid(std::uint64_t end) const noexcept {
    Note last{};
    for (std::uint64_t index = 0; index < size(); ++index) {
        const auto& next = at_index(index);
        if (next.offset < last.offset || next.time < last.time || next.offset > end) return false;
        last = next;
    }
    return true;
}

void RingTimes::note(std::uint64_t offset, Usec now, std::uint64_t capacity) noexcept {
    if (const auto count = recent_.count.load(std::memory_order_relaxed); count > 0) {
        auto& last = recent_.notes[(count - 1) % kNotes];
        // Searching needs an order, so a clock that was set back stands still here until it has caught up.
        now = std::max(now, last.time);
        if (last.offset == offset) {
            last.time = now;  // nothing came of it
            return;
        }
        if (now < last.time + kResolution) return;
    }
    if (recent_.size() == kNotes - 1) {
        const auto& leaving = recent_.notes[recent_.first() % kNotes];
        const auto spacing = capacity / (kNotes - 1) + 1;
        const bool is_far = old_.size() == 0 || leaving.offset >= at_index(old_.size() - 1).offset + spacing;
        if (is_far) old_.add(leaving);
    }
    recent_.add({offset, now});
}

/// The number of notes at the beginning that `is_before` holds for.
template <class IsBefore>
std::uint64_t RingTimes::partition(IsBefore is_before) const noexcept {
    std::uint64_t low = 0;
    for (auto high = size(); low < high;) {
        const auto middle = low + (high - low) / 2;
        if (is_before(at_index(middle)))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

RingTimes::Span RingTimes::at(std::uint64_t offset) const noexcept {
    const auto after = partition([&](const Note& note) { return note.offset <= offset; });
    const auto end = after < size() ? at_index(after).offset : std::numeric_limits<std::uint64_t>::max();
    return {after > 0 ? at_index(after - 1).time : 0, end};
}

std::uint64_t RingTimes::first_since(Usec time, std::uint64_t end) const noexcept {
    const auto index = partition([&](const Note& note) { return note.time < time; });
    // What is older than the oldest note may have been printed at any time before it.
    if (index == 0) return 0;
    return index < size() ? std::min(at_index(index).offset, end) : end;
}

}  // namespace xctl::ring
