// SPDX-License-Identifier: LGPL-2.1-or-later
// The only file that knows libcap.
#include "lib/kernel/capabilities.hpp"

#include <sys/capability.h>

#include <algorithm>
#include <format>

namespace xctl::kernel {
namespace {

constexpr std::string_view kPrefix = "CAP_";

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

std::optional<unsigned> capability_number(std::string_view name) {
    // The library accepts other spellings too; the specification has one.
    const bool spelled = name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
                         std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
    if (!spelled) return std::nullopt;
    std::string text(name);
    std::ranges::transform(text, text.begin(), lower);
    cap_value_t number = 0;
    if (cap_from_name(text.c_str(), &number) != 0 || number < 0 || number >= cap_max_bits()) return std::nullopt;
    return static_cast<unsigned>(number);
}

std::string capability_name(unsigned number) {
    char* text = cap_to_name(static_cast<cap_value_t>(number));
    if (text == nullptr) return std::format("CAP_{}", number);
    std::string name(text);
    cap_free(text);
    // The library gives a bare number where it knows no name.
    if (!name.starts_with("cap_")) return std::format("CAP_{}", number);
    std::ranges::transform(name, name.begin(), upper);
    return name;
}

}  // namespace xctl::kernel
