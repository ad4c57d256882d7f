// SPDX-License-Identifier: LGPL-2.1-or-later
// Traits that tell vectors and optionals from other types, for code that walks the members of structs.
#pragma once

#include <optional>
#include <vector>

namespace xctl {

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

}  // namespace xctl
