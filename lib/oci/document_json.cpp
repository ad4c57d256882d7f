// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading JSON with nlohmann's event parser, which keeps no stack of its own to overflow.
#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/document.hpp"

namespace xctl::oci {
namespace {

/// Collects the parser's events into one Value. A handler that returns false ends the parse.
class Builder {
public:
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
        return true;
    }
    bool end_object() {
        auto& object = std::get<Object>(open_.back().data);
        std::ranges::stable_sort(object, {}, &Member::name);
        const auto twice = std::ranges::adjacent_find(object, {}, &Member::name);
        if (twice != object.end()) return refuse(std::format("{} is given twice in one object", xctl::quoted(twice->name)));
        return close();
    }
    bool start_array(std::size_t) { return open(Value{Array{}}); }
    bool end_array() { return close(); }

    bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error) {
        position_ = position;
        if (error.id == kInvalidNumber) return refuse(std::format("the number {} is too large", xctl::quoted(token)));
        const std::string_view text = error.what();
        // The library's sentence repeats the position and names itself; its part after the dash is the reason.
        const auto dash = text.find(" - ");
        return refuse(dash == std::string_view::npos ? "is not JSON"
                                                     : std::string(text.substr(dash + 3)));
    }

    Value& root() { return root_; }
    [[nodiscard]] const std::string& reason() const { return reason_; }
    [[nodiscard]] std::size_t position() const { return position_; }

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

    Value root_;
    std::vector<Value> open_;
    std::string reason_;
    std::size_t position_ = 0;
};

/// "LINE:COLUMN: " of the last byte that was read, or nothing for a refusal by the builder: it does not learn where.
std::string line_and_column(std::string_view text, std::size_t position) {
    if (position == 0) return " ";
    const auto before = text.substr(0, std::min(position - 1, text.size()));
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto newline = before.rfind('\n');
    const auto column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
    return std::format("{}:{}: ", line, column);
}

}  // namespace

Result<Value> parse_document(std::string_view text, std::string_view file_name) {
    if (text.size() > kMaxDocumentBytes)
        return fail(Errc::invalid_document,
                    std::format("{}: is larger than {} bytes", file_name, kMaxDocumentBytes));
    Builder builder;
    if (!nlohmann::json::sax_parse(text, &builder))
        return fail(Errc::invalid_document, std::format("{}:{}{}", file_name,
                                                        line_and_column(text, builder.position()),
                                                        builder.reason()));
    return std::move(builder.root());
}

}  // namespace xctl::oci
