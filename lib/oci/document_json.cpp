// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading JSON with nlohmann's event parser, which keeps no stack of its own to overflow.
#include <algorithm>
#include <format>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/document.hpp"

namespace xctl::oci {
namespace {

/// An iterator over the text that tells, to all its copies, how far the parser has read.
class Cursor {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    Cursor(const char* at, std::size_t* bytes_read) : at_(at), bytes_read_(bytes_read) {}
    reference operator*() const { return *at_; }
    Cursor& operator++() {
        ++at_;
        ++*bytes_read_;
        return *this;
    }
    Cursor operator++(int) {
        const Cursor before = *this;
        ++*this;
        return before;
    }
    bool operator==(const Cursor& other) const { return at_ == other.at_; }

private:
    const char* at_;
    std::size_t* bytes_read_;
};

/// Leaves out what the library quotes of the text, which is the token: it may hold anything.
std::string without_quotation(std::string_view reason, std::string_view token) {
    constexpr std::string_view kQuotation = "; last read: '";
    const auto start = reason.find(kQuotation);
    if (start == std::string_view::npos) return std::string(reason);
    const auto end = std::min(start + kQuotation.size() + token.size() + 1, reason.size());
    return std::string(reason.substr(0, start)) + std::string(reason.substr(end));
}

/// Collects the parser's events into one Value. A handler that returns false ends the parse.
class Builder {
public:
    /// With `offsets`, where the members are is written down: `bytes_read` then tells how far the parser is.
    Builder(std::string_view text, const std::size_t* bytes_read, Offsets* offsets)
        : text_(text), bytes_read_(bytes_read), offsets_(offsets) {}

    bool null() { return add(Value{}); }
    bool boolean(bool value) { return add(Value{value}); }
    bool number_integer(std::int64_t value) { return add(Value{value}); }
    bool number_unsigned(std::uint64_t value) { return add(Value{value}); }
    bool number_float(double value, const std::string&) { return add(Value{value}); }
    bool string(std::string& value) { return check_text(value) && add(Value{std::move(value)}); }
    bool binary(nlohmann::json::binary_t&) { return refuse("binary data"); }

    bool start_object(std::size_t) { return open(Value{Object{}}); }
    bool key(std::string& name) {
        if (!check_text(name)) return false;
        std::get<Object>(open_.back().data).push_back({std::move(name), {}});
        if (offsets_ != nullptr) offsets_->emplace(pointer(), start_of_text());
        return true;
    }
    bool end_object() {
        auto& object = std::get<Object>(open_.back().data);
        std::ranges::stable_sort(object, {}, &Member::name);
        const auto twice = std::ranges::adjacent_find(object, {}, &Member::name);
        if (twice != object.end())
            return refuse(std::format("{} is given twice in one object", xctl::quoted(twice->name)));
        return close();
    }
    bool start_array(std::size_t) { return open(Value{Array{}}); }
    bool end_array() { return close(); }

    bool parse_error(std::size_t, const std::string& token, const nlohmann::detail::exception& error) {
        if (error.id == kInvalidNumber)
            return refuse(std::format("the number {} is too large", xctl::quoted(token)));
        const std::string_view text = error.what();
        // The library's sentence repeats the position and names itself; its part after the dash is the reason.
        const auto dash = text.find(" - ");
        return refuse(dash == std::string_view::npos ? "is not JSON" : without_quotation(text.substr(dash + 3), token));
    }

    Value& root() { return root_; }
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    static constexpr int kInvalidNumber = 406;

    bool refuse(std::string reason) {
        if (reason_.empty()) reason_ = std::move(reason);
        return false;
    }
    // The kernel would read such a text only up to the NUL, and so something else than what was checked.
    bool check_text(const std::string& text) {
        return text.find('\0') == std::string::npos || refuse("a text holds a NUL character");
    }
    /// Of the member that was just begun.
    [[nodiscard]] std::string pointer() const {
        std::string out;
        for (const auto& value : open_) {
            const auto* array = std::get_if<Array>(&value.data);
            out +=
                '/' + (array ? std::to_string(array->size()) : pointer_token(std::get<Object>(value.data).back().name));
        }
        return out;
    }
    /// The opening quote of the text whose closing one was just read. Any other quote between them is escaped.
    [[nodiscard]] std::size_t start_of_text() const {
        for (std::size_t at = *bytes_read_ - 1; at-- > 0;) {
            if (text_[at] != '"') continue;
            std::size_t backslashes = 0;
            while (backslashes < at && text_[at - 1 - backslashes] == '\\') ++backslashes;
            if (backslashes % 2 == 0) return at;
        }
        return 0;
    }
    bool open(Value value) {
        if (open_.size() == kMaxDocumentDepth)
            return refuse(std::format("nested more than {} levels deep", kMaxDocumentDepth));
        open_.push_back(std::move(value));
        return true;
    }
    bool close() {
        Value value = std::move(open_.back());
        open_.pop_back();
        return add(std::move(value));
    }
    bool add(Value value) {
        if (open_.empty())
            root_ = std::move(value);
        else if (auto* array = std::get_if<Array>(&open_.back().data))
            array->push_back(std::move(value));
        else
            std::get<Object>(open_.back().data).back().value = std::move(value);
        return true;
    }

    std::string_view text_;
    const std::size_t* bytes_read_;
    Offsets* offsets_;
    Value root_;
    std::vector<Value> open_;
    std::string reason_;
};

}  // namespace

std::string line_and_column(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, std::min(offset, text.size()));
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto newline = before.rfind('\n');
    const auto column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
    return std::format("{}:{}", line, column);
}

Result<Value> parse_document(std::string_view text, std::string_view file_name, Offsets* offsets) {
    if (text.size() > kMaxDocumentBytes)
        return fail(Errc::invalid_document,
                    std::format("{}: is larger than {} bytes", file_name, kMaxDocumentBytes));
    std::size_t bytes_read = 0;
    Builder builder(text, &bytes_read, offsets);
    const Cursor begin(text.data(), &bytes_read);
    const Cursor end(text.data() + text.size(), &bytes_read);
    if (!nlohmann::json::sax_parse(begin, end, &builder))
        return fail(Errc::invalid_document,
                    std::format("{}:{}: {}", file_name, line_and_column(text, std::max<std::size_t>(bytes_read, 1) - 1),
                                builder.reason()));
    return std::move(builder.root());
}

}  // namespace xctl::oci
