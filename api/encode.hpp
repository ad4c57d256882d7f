// SPDX-License-Identifier: LGPL-2.1-or-later
// Walks the tables of fields, once for all formats that values are written in and read from.
//
// A format brings a Writer. From each primitive value a Writer makes a value of its format, and it puts these together:
//   text(const std::string&), flag(bool), number(std::uint64_t), number(std::int64_t)
//   list(std::vector<V>)      V is what the elements became
//   Object, finish(Object&)   a structure; Object::add(std::string_view name, V value) takes its fields
//   kLeavesOut                which fields are not written
//   nothing()                 a field without a value, if those are written
// And a Reader of one value. Its functions return false, and leave the target alone, for a value of another type:
//   text(std::string&), flag(bool&), number(std::uint64_t&), number(std::int64_t&), texts(std::vector<std::string>&)
//   each(visit)               visit(Reader) for each element
//   each_field(visit)         visit(std::string_view name, Reader) for each field
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/verbs.hpp"
#include "lib/base/result.hpp"

namespace xctl::api {

template <class T>
concept Text = std::same_as<T, std::string>;
template <class T>
concept Flag = std::same_as<T, bool>;
template <class T>
concept Number = std::same_as<T, std::uint64_t> || std::same_as<T, std::int64_t>;
template <class T>
concept Optional = std::same_as<T, std::optional<std::uint64_t>>;
template <class T>
concept List = std::same_as<T, std::vector<typename T::value_type>>;

/// absent: fields without a value. empty: these, empty texts and lists, and flags that are not set.
enum class LeavesOut : unsigned char { nothing, absent, empty };

template <class W>
concept Writer = requires(W writer, typename W::Object object, const std::string& text) {
    writer.text(text);
    writer.flag(true);
    writer.number(std::uint64_t{});
    writer.number(std::int64_t{});
    writer.finish(object);
    { W::kLeavesOut } -> std::convertible_to<LeavesOut>;
};

constexpr bool is_empty(const auto&) { return false; }
constexpr bool is_empty(bool value) { return !value; }
constexpr bool is_empty(const std::string& value) { return value.empty(); }
template <class T>
constexpr bool is_empty(const std::vector<T>& value) {
    return value.empty();
}

template <Writer W, class T>
auto write(W& writer, const T& value);

template <Writer W, class T>
void write_field(W& writer, typename W::Object& object, std::string_view name, const T& value) {
    if (W::kLeavesOut == LeavesOut::empty && is_empty(value)) return;
    if constexpr (!Optional<T>)
        object.add(name, write(writer, value));
    else if (value)
        object.add(name, writer.number(*value));
    else if constexpr (W::kLeavesOut == LeavesOut::nothing)
        object.add(name, writer.nothing());
}

/// The value in the form of the writer.
template <Writer W, class T>
auto write(W& writer, const T& value) {
    if constexpr (Text<T>) {
        return writer.text(value);
    } else if constexpr (Flag<T>) {
        return writer.flag(value);
    } else if constexpr (Number<T>) {
        return writer.number(value);
    } else if constexpr (Structure<T>) {
        typename W::Object object;
        for (const auto& row : Described<T>::kFields)
            std::visit([&](auto member) { write_field(writer, object, row.name, value.*member); }, row.member);
        return writer.finish(object);
    } else {
        static_assert(List<T>);
        std::vector<decltype(write(writer, value.front()))> elements;
        elements.reserve(value.size());
        for (const auto& element : value) elements.push_back(write(writer, element));
        return writer.list(std::move(elements));
    }
}

/// The verb's outputs, as fields of `object`. `write_fd` gets the name and the place of a descriptor, which each format
/// passes in its own way, and returns a Result<>.
template <Writer W, class SomeReply>
Result<> write_reply(W& writer, typename W::Object& object, const VerbRow& verb, SomeReply& reply, auto&& write_fd) {
    for (const auto output : verb.outputs) {
        const auto name = output_row(output).name;
        TRY(visit_output(output, reply, [&]<class T>(T& value) -> Result<> {
            if constexpr (std::same_as<std::remove_const_t<T>, UniqueFd>) {
                return write_fd(name, value);
            } else {
                object.add(name, write(writer, value));
                return {};
            }
        }));
    }
    return {};
}

template <class R, class T>
bool read(const R& reader, T& out);

/// Names that no row has are of a later version. Both sides go through the same rows, so the next name is that of the
/// next row, as a rule.
template <class R, Structure T>
bool read_fields(const R& reader, T& out) {
    const auto& rows = Described<T>::kFields;
    auto next = rows.begin();
    return reader.each_field([&](std::string_view name, const R& field) {
        const auto is_it = [&](const auto& row) { return row.name == name; };
        auto row = std::find_if(next, rows.end(), is_it);
        if (row == rows.end()) row = std::find_if(rows.begin(), next, is_it);
        if (row == rows.end() || !is_it(*row)) return;
        std::visit([&](auto member) { (void)read(field, out.*member); }, row->member);
        next = row + 1;
    });
}

/// False if the value is of another type.
template <class R, class T>
bool read(const R& reader, T& out) {
    if constexpr (Text<T>) {
        return reader.text(out);
    } else if constexpr (Flag<T>) {
        return reader.flag(out);
    } else if constexpr (Number<T>) {
        return reader.number(out);
    } else if constexpr (Optional<T>) {
        std::uint64_t number = 0;
        if (!reader.number(number)) return false;
        out = number;
        return true;
    } else if constexpr (Structure<T>) {
        return read_fields(reader, out);
    } else if constexpr (std::same_as<T, std::vector<std::string>>) {
        return reader.texts(out);
    } else {
        static_assert(List<T>);
        return reader.each([&](const R& element) { (void)read(element, out.emplace_back()); });
    }
}

}  // namespace xctl::api
