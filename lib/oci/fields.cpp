// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON pointers and the errors that carry them.
#include "lib/oci/fields.hpp"

namespace xctl::oci {
namespace {

/// RFC 6901: '~' and '/' are written "~0" and "~1". Control characters become '?', since the text may reach a
/// terminal.
std::string escaped(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    return out;
}

}  // namespace

std::string to_pointer(const Place& place) {
    if (place.parent == nullptr) return "";
    const auto step = place.name.data() != nullptr ? escaped(place.name) : std::to_string(place.index);
    return to_pointer(*place.parent) + "/" + step;
}

std::unexpected<Error> refuse(const Place& place, std::string_view rule) {
    const auto pointer = to_pointer(place);
    return fail(Errc::invalid_document,
                pointer.empty() ? std::string(rule) : std::format("{}: {}", pointer, rule));
}

}  // namespace xctl::oci
