// SPDX-License-Identifier: LGPL-2.1-or-later
// A JSON document as values, independent of the library that reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/result.hpp"

namespace xctl::oci {

struct Member;

using Array = std::vector<struct Value>;
using Object = std::vector<Member>;  // sorted by name, each name once

/// A whole number is signed when it is negative and unsigned otherwise.
struct Value {
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> data;

    [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(data); }
    template <class T>
    [[nodiscard]] const T* get() const {
        return std::get_if<T>(&data);
    }
};

struct Member {
    std::string name;
    Value value;
};

/// The member of that name, or nullptr.
[[nodiscard]] const Value* find_member(const Object& object, std::string_view name);

/// Where in the text each member begins, by its JSON pointer.
using Offsets = std::map<std::string, std::size_t>;

/// A member's name as a part of a JSON pointer, RFC 6901.
[[nodiscard]] std::string pointer_token(std::string_view name);

/// "LINE:COLUMN", both from 1.
[[nodiscard]] std::string line_and_column(std::string_view text, std::size_t offset);

/// Refuses broken JSON, invalid UTF-8, a name given twice in one object, a NUL character in a text, more than
/// kMaxDocumentBytes, and more than kMaxDocumentDepth levels, as invalid_document: "FILE:LINE:COLUMN: reason".
Result<Value> parse_document(std::string_view text, std::string_view file_name, Offsets* offsets = nullptr);

constexpr std::size_t kMaxDocumentBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxDocumentDepth = 64;

/// Applies a JSON merge patch, RFC 7396.
void merge_patch(Value& target, Value patch);

}  // namespace xctl::oci
