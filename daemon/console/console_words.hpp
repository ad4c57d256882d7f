// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts the frames (api/console_stream.hpp) of an attached client out of the bytes that the client sends. The client is
// not trusted.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "api/console_stream.hpp"

namespace xctl::console {

/// Add what was received, then take words with next() until there is none.
class ConsoleWords {
public:
    struct Nothing {};    // more bytes are needed
    struct Malformed {};  // these bytes can never become a word; next() says so again
    struct Input {
        std::string bytes;
    };
    struct EndOfInput {};
    using Word = std::variant<Nothing, Malformed, Input, EndOfInput, api::Size>;

    void add(std::string_view bytes) { received_ += bytes; }
    [[nodiscard]] Word next();

    /// After Nothing, this is less than a frame's header and api::kMaxFramePayload, in bytes.
    [[nodiscard]] std::size_t waiting() const noexcept { return received_.size(); }

private:
    std::string received_;
};

}  // namespace xctl::console
