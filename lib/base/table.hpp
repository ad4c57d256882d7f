// SPDX-License-Identifier: LGPL-2.1-or-later
// Name <-> value over a constexpr array of rows. A table is written once; parsing, printing, help and the lint
// tests read the same rows.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace xctl {

/// The plainest row: a word and what it stands for.
template <class T>
struct Named {
    std::string_view name;
    T value;
};

template <class Rows>
constexpr auto find_row(const Rows& rows, std::string_view name) -> decltype(&*std::begin(rows)) {
    for (const auto& row : rows)
        if (row.name == name) return &row;
    return nullptr;
}

template <class Rows, class T>
constexpr std::string_view name_of(const Rows& rows, const T& value) {
    for (const auto& row : rows)
        if (row.value == value) return row.name;
    return {};
}

template <class Rows>
constexpr auto value_of(const Rows& rows, std::string_view name)
    -> std::optional<decltype(std::begin(rows)->value)> {
    if (const auto* row = find_row(rows, name)) return row->value;
    return std::nullopt;
}

/// For static_assert beside each table.
template <class Rows>
consteval bool names_are_unique(const Rows& rows) {
    for (auto a = std::begin(rows); a != std::end(rows); ++a)
        for (auto b = std::next(a); b != std::end(rows); ++b)
            if (a->name == b->name) return false;
    return true;
}

}  // namespace xctl
