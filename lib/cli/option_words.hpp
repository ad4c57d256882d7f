// SPDX-License-Identifier: LGPL-2.1-or-later
// The words of a command line and the options among them, for parsers that differ in their rows and their messages.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "lib/base/result.hpp"

namespace xctl::cli {

/// "--name=value" without its dashes.
struct OptionWord {
    std::string_view name;
    std::optional<std::string_view> value;  // absent without "="
};

[[nodiscard]] constexpr OptionWord split_option(std::string_view word) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) return {word, std::nullopt};
    return {word.substr(0, equals), word.substr(equals + 1)};
}

/// The base of a parser, which has these members, and may make this class its friend to keep them private:
///   find_letter(char)            the option that has the letter, or what is false
///   takes_value(option)
///   set(option, value)           Result<>; the value is absent for a flag
///   unknown_letters(letters)     the error for letters of which the first is no option
///   lacks_value(option)          the error for an option at the end of the words
class OptionWords {
protected:
    explicit OptionWords(std::span<const char* const> words) : words_(words) {}

    [[nodiscard]] bool ended() const { return next_ == words_.size(); }
    [[nodiscard]] std::string_view next_word() { return words_[next_++]; }

    /// The remaining words, which then count as read.
    [[nodiscard]] std::span<const char* const> take_rest() {
        const auto rest = words_.subspan(next_);
        next_ = words_.size();
        return rest;
    }

    /// Letters behind one dash: any number of flags, and an option with a value at the end.
    Result<> read_letters(this auto& self, std::string_view letters) {
        while (!letters.empty()) {
            const auto option = self.find_letter(letters.front());
            if (!option) return self.unknown_letters(letters);
            letters.remove_prefix(1);
            if (self.takes_value(option)) return self.read_value(option, letters);
            TRY(self.set(option, std::nullopt));
        }
        return {};
    }

    /// An option without "=".
    Result<> read_option(this auto& self, const auto& option) {
        if (!self.takes_value(option)) return self.set(option, std::nullopt);
        return self.read_value(option, {});
    }

private:
    /// The value is what is left of the word, or else the next word.
    Result<> read_value(this auto& self, const auto& option, std::string_view attached) {
        if (!attached.empty()) return self.set(option, attached);
        if (self.ended()) return self.lacks_value(option);
        return self.set(option, self.next_word());
    }

    std::span<const char* const> words_;
    std::size_t next_ = 0;
};

}  // namespace xctl::cli
