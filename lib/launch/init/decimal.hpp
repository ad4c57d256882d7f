// SPDX-License-Identifier: LGPL-2.1-or-later
// A number as text, made without allocation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xctl::launch {

/// Decimal, into the end of a buffer.
struct Decimal {
    explicit Decimal(std::int64_t value) {
        bool negative = value < 0;
        auto rest = negative ? -static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
        do *--begin = static_cast<char>('0' + rest % 10);
        while ((rest /= 10) > 0);
        if (negative) *--begin = '-';
    }
    Decimal(const Decimal&) = delete;  // `begin` points into us
    Decimal& operator=(const Decimal&) = delete;
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(buffer + sizeof buffer - begin); }
    char buffer[24];
    char* begin = buffer + sizeof buffer;
};

}  // namespace xctl::launch
