// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client/detach_keys.hpp"

#include <format>
#include <utility>

#include "lib/base/text.hpp"

namespace xctl::client {
namespace {

constexpr std::string_view kControl = "ctrl-";

Result<char> parse_key(std::string_view key) {
    if (key.size() == 1) return key.front();
    if (key.starts_with(kControl) && key.size() == kControl.size() + 1) {
        const char c = key.back();
        if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 1);
        if (c >= '@' && c <= '_') return static_cast<char>(c - '@');
    }
    return fail(Errc::invalid_argument,
                std::format("{} is not a key: one character, or ctrl- and a letter", quoted(key)));
}

}  // namespace

Result<std::string> parse_detach_keys(std::string_view text) {
    std::string keys;
    if (text.empty()) return keys;
    for (const auto& key : split(text, ',')) keys += TRY(parse_key(key), "--detach-keys");
    return keys;
}

std::string keys_text(std::string_view keys) {
    std::string out;
    for (const char key : keys) {
        if (!out.empty()) out += ' ';
        out += key >= 0 && key < ' ' ? std::format("Ctrl-{}", static_cast<char>(key + '@')) : std::string(1, key);
    }
    return out;
}

DetachMatcher::Fed DetachMatcher::feed(std::string_view typed) {
    Fed fed;
    for (const char c : typed) {
        std::string held = keys_.substr(0, matched_) + c;
        // A key that breaks the sequence may itself begin it anew: give up from the front only what cannot match.
        while (!held.empty() && !keys_.starts_with(held)) {
            fed.pass += held.front();
            held.erase(0, 1);
        }
        matched_ = held.size();
        if (matched_ == keys_.size() && matched_ > 0) {
            matched_ = 0;
            fed.detach = true;
            return fed;
        }
    }
    return fed;
}

std::string DetachMatcher::release() { return keys_.substr(0, std::exchange(matched_, 0)); }

}  // namespace xctl::client
