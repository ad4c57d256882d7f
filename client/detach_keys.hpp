// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the sequence of keys that detaches, in what is typed.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace xctl::client {

/// "ctrl-p,ctrl-q" to the bytes a terminal sends: keys separated by commas, each one character or "ctrl-" and a
/// letter or one of @[\]^_. Empty text: no keys.
Result<std::string> parse_detach_keys(std::string_view text);

/// The keys for people: "Ctrl-P Ctrl-Q".
[[nodiscard]] std::string keys_text(std::string_view keys);

class DetachMatcher {
public:
    explicit DetachMatcher(std::string keys) : keys_(std::move(keys)) {}

    struct Fed {
        std::string pass;  // for the container; keys that may yet turn out to detach are held back
        bool detach = false;
    };
    Fed feed(std::string_view typed);
    [[nodiscard]] bool holds() const { return matched_ > 0; }
    /// Gives up on a started sequence: what was held back.
    [[nodiscard]] std::string release();

private:
    std::string keys_;
    std::size_t matched_ = 0;
};

}  // namespace xctl::client
