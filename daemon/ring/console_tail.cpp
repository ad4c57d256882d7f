// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/console_tail.hpp"

#include <algorithm>

namespace xctl::ring {
namespace {

constexpr std::uint64_t kLines = 10;
constexpr std::uint64_t kBytes = 2048;

std::uint64_t begin_of_run(const Ring& ring) {
    for (auto number = ring.mark_count(); number > ring.first_mark(); --number)
        if (ring.mark(number - 1).kind == Ring::MarkKind::run_begin) return ring.mark(number - 1).offset;
    return ring.begin();
}

}  // namespace

std::string console_tail(const Ring& ring) {
    const auto end = ring.end();
    const auto least = end - std::min(end, kBytes);
    auto at = std::max({ring.line_offset(kLines, end), begin_of_run(ring), ring.begin(), least});
    std::string out;
    while (at < end) {
        const auto bytes = ring.bytes(at, end);
        out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        at += bytes.size();
    }
    return out;
}

}  // namespace xctl::ring
