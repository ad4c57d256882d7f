// SPDX-License-Identifier: LGPL-2.1-or-later
// Pipes, rings and what can be read from them, for the tests of the console.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <format>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ring/console_cursor.hpp"
#include "daemon/ring/ring.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::test {

inline constexpr auto kOut = ring::Ring::MarkKind::standard_output;
inline constexpr auto kErr = ring::Ring::MarkKind::standard_error;

struct Pipe {
    UniqueFd read_end, write_end;

    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
        EXPECT_GT(::fcntl(ends[0], F_SETPIPE_SZ, 1024 * 1024), 0);
    }
    void write(std::string_view text) const {
        ASSERT_EQ(::write(write_end.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
};

inline ring::Ring open_ring(int directory, std::uint64_t size) {
    auto ring = ring::Ring::open_at(directory, "console", size);
    if (!ring) throw std::runtime_error(ring.error().message);
    return std::move(*ring);
}

/// Through a pipe into the ring, as the container would have printed it.
inline void print(ring::Ring& ring, std::string_view text, ring::Ring::MarkKind stream = kOut) {
    const Pipe pipe;
    while (!text.empty()) {
        const auto part = text.substr(0, 512 * 1024);
        pipe.write(part);
        for (std::size_t moved = 0; moved < part.size();) {
            const auto pulled = ring::Ring::pull(pipe.read_end.get(), ring.prepare(stream));
            ASSERT_TRUE(pulled);
            moved += *pulled;
        }
        text.remove_prefix(part.size());
    }
}

inline void begin_run(ring::Ring& ring) { ring.add_mark({ring.end(), 0, ring::Ring::MarkKind::run_begin, 0, 0, 0}); }
inline void end_run(ring::Ring& ring, std::int32_t status) {
    ring.add_mark({ring.end(), status, ring::Ring::MarkKind::run_end, 0, 1, 0});
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// All from `offset` to the end.
inline std::string content(const ring::Ring& ring, std::uint64_t offset) {
    std::string text;
    while (offset + text.size() < ring.end()) text += as_text(ring.bytes(offset + text.size(), ring.end()));
    return text;
}

/// One word for an item: "out:text", "err:text", "gap:offset", "begin", "end:status"; empty for nothing.
inline std::string read_item(const ring::Ring& ring, ring::ConsoleCursor& cursor, std::size_t limit = 1 << 20) {
    const auto item = cursor.next(ring, limit);
    if (const auto* output = std::get_if<ring::ConsoleCursor::Output>(&item)) {
        EXPECT_EQ(output->offset, cursor.offset());
        cursor.advance(output->bytes.size());
        return std::format("{}:{}", output->standard_error ? "err" : "out", as_text(output->bytes));
    }
    if (const auto* gap = std::get_if<ring::ConsoleCursor::Gap>(&item)) return std::format("gap:{}", gap->offset);
    if (const auto* boundary = std::get_if<ring::ConsoleCursor::Boundary>(&item)) {
        const auto& mark = boundary->mark;
        return mark.kind == ring::Ring::MarkKind::run_begin ? "begin" : std::format("end:{}", mark.status);
    }
    return {};
}

inline std::vector<std::string> read_items(const ring::Ring& ring, ring::ConsoleCursor& cursor,
                                           std::size_t limit = 1 << 20) {
    std::vector<std::string> items;
    for (auto item = read_item(ring, cursor, limit); !item.empty(); item = read_item(ring, cursor, limit))
        items.push_back(std::move(item));
    return items;
}

/// Bytes that differ from place to place, so that a wrong offset shows.
inline std::string numbered_lines(std::size_t first, std::size_t count) {
    std::string text;
    for (std::size_t i = first; i < first + count; ++i) text += std::format("line {}\n", i);
    return text;
}

}  // namespace xctl::test
