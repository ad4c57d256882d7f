// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/console_cursor.hpp"

#include <algorithm>
#include <utility>

namespace xctl::ring {
namespace {

using Kind = Ring::MarkKind;

bool is_stream(const Ring::Mark& mark) {
    return mark.kind == Kind::standard_output || mark.kind == Kind::standard_error;
}

/// Which stream is current just before mark `number`.
bool is_standard_error_at(const Ring& ring, std::uint64_t number) {
    for (; number > ring.first_mark(); --number) {
        const auto& mark = ring.mark(number - 1);
        if (is_stream(mark)) return mark.kind == Kind::standard_error;
        if (mark.kind == Kind::run_begin) break;
    }
    return false;
}

}  // namespace

ConsoleCursor ConsoleCursor::at(const Ring& ring, std::uint64_t offset) {
    auto number = ring.first_mark();
    while (number < ring.mark_count() && ring.mark(number).offset < offset) ++number;
    return resume(ring, offset, number);
}

ConsoleCursor ConsoleCursor::resume(const Ring& ring, std::uint64_t offset, std::uint64_t mark) {
    ConsoleCursor cursor;
    cursor.offset_ = std::min(offset, ring.end());
    cursor.mark_ = std::min(mark, ring.mark_count());
    cursor.standard_error_ = is_standard_error_at(ring, cursor.mark_);
    return cursor;
}

bool ConsoleCursor::must_tell(RingTimes::Usec time) noexcept {
    return tells_times_ && std::exchange(told_time_, time) != time;
}

ConsoleCursor::Item ConsoleCursor::next(const Ring& ring, std::size_t limit) {
    if (offset_ < ring.begin()) {
        auto next = at(ring, ring.begin());
        next.tells_times_ = tells_times_;
        *this = next;
        return Gap{offset_};
    }
    mark_ = std::max(mark_, ring.first_mark());
    auto until = ring.end();
    for (; mark_ < ring.mark_count(); ++mark_) {
        const auto& mark = ring.mark(mark_);
        if (mark.offset > offset_) {
            until = mark.offset;
            break;
        }
        if (is_stream(mark)) {
            standard_error_ = mark.kind == Kind::standard_error;
            continue;
        }
        if (must_tell(mark.time)) return Time{mark.time};
        if (mark.kind == Kind::run_begin) standard_error_ = false;
        ++mark_;
        return Boundary{mark};
    }
    const auto bytes = ring.bytes(offset_, std::min<std::uint64_t>(until, offset_ + limit));
    if (bytes.empty()) return Nothing{};
    if (!tells_times_) return Output{bytes, offset_, standard_error_};
    const auto span = ring.times().at(offset_);
    if (must_tell(span.time)) return Time{span.time};
    return Output{bytes.first(std::min(bytes.size(), span.end - offset_)), offset_, standard_error_};
}

}  // namespace xctl::ring
