// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads a JSON value into a C++ value by its type; an object into a struct by a table of fields.
//
// A struct becomes readable by specializing kFields with a tuple of rows, an enumeration by specializing kWords
// with its table of names. Errors name the place as a JSON pointer (RFC 6901) and the rule that it breaks.
#pragma once

#include <concepts>
#include <cstdint>
#include <format>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/base/table.hpp"
#include "lib/base/traits.hpp"
#include "lib/oci/document.hpp"

namespace xctl::oci {

/// A place in the document, as a chain on the stack: it costs nothing until an error needs its text.
struct Place {
    const Place* parent = nullptr;
    std::string_view name{};
    std::size_t index = 0;  // of an array element, when `name` has no data
};

[[nodiscard]] std::string to_pointer(const Place& place);
[[nodiscard]] std::unexpected<Error> refuse(const Place& place, std::string_view rule);

template <class T>
using Reader = Result<> (*)(const Value&, const Place&, T&);

/// One property. `rule` completes "must be ..." where the type alone would say too little.
template <class Struct, class Member>
struct Field {
    std::string_view name;
    Member Struct::*member;
    Reader<Member> read;
    bool required;
    std::string_view rule;
};

template <class Struct>
inline constexpr int kFields = 0;  // specialize with std::tuple of Field

template <class Enum>
inline constexpr int kWords = 0;  // specialize with a table of rows {name, value}

template <class T>
inline constexpr bool kIsMap = false;
template <class T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;

template <class Rows>
std::string list_words(const Rows& rows) {
    std::string text;
    for (const auto& row : rows)
        if (!row.name.empty()) text += std::format("{}\"{}\"", text.empty() ? "" : ", ", row.name);
    return "one of " + text;
}

/// Completes "must be ...".
template <class T>
std::string describe() {
    if constexpr (kIsOptional<T>)
        return describe<typename T::value_type>();
    else if constexpr (std::same_as<T, bool>)
        return "true or false";
    else if constexpr (std::integral<T> && sizeof(T) == sizeof(std::uint64_t))
        return std::is_signed_v<T> ? "a whole number" : "a whole number, not negative";
    else if constexpr (std::integral<T>)
        return std::format("a whole number from {} to {}", std::numeric_limits<T>::min(),
                           std::numeric_limits<T>::max());
    else if constexpr (std::same_as<T, std::string>)
        return "a string";
    else if constexpr (std::is_enum_v<T>)
        return list_words(kWords<T>);
    else if constexpr (std::same_as<T, std::vector<std::string>>)
        return "an array of strings";
    else if constexpr (kIsVector<T>)
        return "an array";
    else
        return "an object";
}

template <std::integral T>
Result<> read_number(const Value& value, const Place& place, T& out) {
    if (const auto* number = value.get<std::uint64_t>(); number != nullptr && std::in_range<T>(*number))
        out = static_cast<T>(*number);
    else if (const auto* negative = value.get<std::int64_t>(); negative != nullptr && std::in_range<T>(*negative))
        out = static_cast<T>(*negative);
    else
        return refuse(place, "must be " + describe<T>());
    return {};
}

/// A string that is one of the table's names.
template <const auto& Rows, class T>
Result<> read_word(const Value& value, const Place& place, T& out) {
    const auto* text = value.get<std::string>();
    const auto found = text != nullptr ? value_of(Rows, *text) : std::nullopt;
    if (!found) return refuse(place, "must be " + list_words(Rows));
    out = *found;
    return {};
}

template <class T>
Result<> read_value(const Value& value, const Place& place, T& out);

template <class T>
Result<> read_list(const Value& value, const Place& place, std::vector<T>& out) {
    const auto* array = value.get<Array>();
    if (array == nullptr) return refuse(place, "must be " + describe<std::vector<T>>());
    out.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i)
        TRY(read_value((*array)[i], Place{&place, {}, i}, out.emplace_back()));
    return {};
}

template <class T>
Result<> read_map(const Value& value, const Place& place, std::map<std::string, T>& out) {
    const auto* object = value.get<Object>();
    if (object == nullptr) return refuse(place, "must be an object");
    for (const auto& [name, member] : *object)
        if (!member.is_null()) TRY(read_value(member, Place{&place, name}, out[name]));
    return {};
}

template <class Struct, class Member>
Result<> read_field(const Object& object, const Place& place, const Field<Struct, Member>& field, Struct& out) {
    const Place here{&place, field.name};
    const Value* value = find_member(object, field.name);
    if (value == nullptr || value->is_null()) {
        if (field.required) return refuse(here, "is required");
        return {};
    }
    // A rule of the row's own replaces the general one only for the value itself, not for what is inside it.
    if (!field.rule.empty() && kIsVector<Member> && value->get<Array>() == nullptr)
        return refuse(here, std::format("must be {}", field.rule));
    return field.read(*value, here, out.*field.member);
}

template <class Struct>
Result<> read_struct(const Value& value, const Place& place, Struct& out) {
    const auto* object = value.get<Object>();
    if (object == nullptr) return refuse(place, "must be an object");
    Result<> result;
    std::apply(
        [&](const auto&... field) {
            // The comma's left side runs the rows in order until one fails.
            (void)((result = read_field(*object, place, field, out), result.has_value()) && ...);
        },
        kFields<Struct>);
    return result;
}

template <class T>
Result<> read_value(const Value& value, const Place& place, T& out) {
    if constexpr (kIsOptional<T>) {
        return read_value(value, place, out.emplace());
    } else if constexpr (std::same_as<T, bool> || std::same_as<T, std::string>) {
        const auto* found = value.get<T>();
        if (found == nullptr) return refuse(place, "must be " + describe<T>());
        out = *found;
        return {};
    } else if constexpr (std::integral<T>) {
        return read_number(value, place, out);
    } else if constexpr (std::is_enum_v<T>) {
        return read_word<kWords<T>>(value, place, out);
    } else if constexpr (kIsVector<T>) {
        return read_list(value, place, out);
    } else if constexpr (kIsMap<T>) {
        return read_map(value, place, out);
    } else {
        return read_struct(value, place, out);
    }
}

template <class T>
void list_unread(const Value& value, const Place& place, std::vector<std::string>& out);

template <class Struct>
void list_unread_members(const Object& object, const Place& place, std::vector<std::string>& out) {
    for (const auto& member : object) {
        const Place here{&place, member.name};
        bool known = false;
        const auto look_into = [&]<class Member>(const Field<Struct, Member>& field) {
            if (field.name != member.name) return;
            known = true;
            list_unread<Member>(member.value, here, out);
        };
        std::apply([&](const auto&... field) { (look_into(field), ...); }, kFields<Struct>);
        if (!known) out.push_back(to_pointer(here));
    }
}

/// The members, as JSON pointers, that read_value() of a good document takes no notice of.
template <class T>
void list_unread(const Value& value, const Place& place, std::vector<std::string>& out) {
    if constexpr (kIsOptional<T>) {
        list_unread<typename T::value_type>(value, place, out);
    } else if constexpr (kIsVector<T>) {
        const auto* array = value.get<Array>();
        for (std::size_t i = 0; array != nullptr && i < array->size(); ++i)
            list_unread<typename T::value_type>((*array)[i], Place{&place, {}, i}, out);
    } else if constexpr (kIsMap<T>) {
        const auto* object = value.get<Object>();
        for (std::size_t i = 0; object != nullptr && i < object->size(); ++i)
            list_unread<typename T::mapped_type>((*object)[i].value, Place{&place, (*object)[i].name}, out);
    } else if constexpr (!std::same_as<decltype(kFields<T>), const int>) {
        if (const auto* object = value.get<Object>()) list_unread_members<T>(*object, place, out);
    }
}

template <class Struct, class Member>
constexpr Field<Struct, Member> optional(std::string_view name, Member Struct::*member,
                                         std::string_view rule = {}) {
    return {name, member, &read_value<Member>, false, rule};
}

template <class Struct, class Member>
constexpr Field<Struct, Member> required(std::string_view name, Member Struct::*member,
                                         std::string_view rule = {}) {
    return {name, member, &read_value<Member>, true, rule};
}

}  // namespace xctl::oci
