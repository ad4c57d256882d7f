// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON pointers and the errors that carry them.
#include "lib/oci/fields.hpp"

#include <algorithm>

namespace xctl::oci {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Control characters become '?', since the text may reach a terminal.
std::string printable_token(std::string_view name) {
    auto out = pointer_token(name);
    std::ranges::replace_if(out, is_control, '?');
    return out;
}

}  // namespace

std::string to_pointer(const Place& place) {
    if (place.parent == nullptr) return "";
    const auto step = place.name.data() != nullptr ? printable_token(place.name) : std::to_string(place.index);
    return to_pointer(*place.parent) + "/" + step;
}

std::unexpected<Error> refuse(const Place& place, std::string_view rule) {
    const auto pointer = to_pointer(place);
    return fail(Errc::invalid_document,
                pointer.empty() ? std::string(rule) : std::format("{}: {}", pointer, rule));
}

}  // namespace xctl::oci
