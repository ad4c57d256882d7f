// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/console/console_words.hpp"

#include <cstring>

namespace xctl::console {

ConsoleWords::Word ConsoleWords::next() {
    api::FrameHeader header{};
    if (received_.size() < sizeof header) return Nothing{};
    std::memcpy(&header, received_.data(), sizeof header);
    api::Size size{};
    const bool is_size = header.kind == api::FrameKind::resize && header.length == sizeof size;
    const bool is_input = header.kind == api::FrameKind::input && header.length <= api::kMaxFramePayload;
    const bool is_end = header.kind == api::FrameKind::end_of_input && header.length <= api::kMaxFramePayload;
    if (!is_size && !is_input && !is_end) return Malformed{};
    if (received_.size() - sizeof header < header.length) return Nothing{};
    auto payload = received_.substr(sizeof header, header.length);
    received_.erase(0, sizeof header + header.length);
    if (is_input) return Input{std::move(payload)};
    if (is_end) return EndOfInput{};
    std::memcpy(&size, payload.data(), sizeof size);
    return size;
}

}  // namespace xctl::console
