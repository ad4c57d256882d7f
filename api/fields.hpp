// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows that describe a struct's fields: D-Bus, varlink, JSON output, manual pages and the client read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace xctl::api {

template <class T>
using Member = std::variant<std::string T::*, bool T::*, std::uint64_t T::*, std::int64_t T::*,
                            std::optional<std::uint64_t> T::*, std::vector<std::string> T::*>;

template <class T>
struct FieldRow {
    std::string_view name;  // on the wire
    Member<T> member;
    std::string_view help;
    bool announced = true;  // D-Bus tells of each change: PropertiesChanged
};

}  // namespace xctl::api
