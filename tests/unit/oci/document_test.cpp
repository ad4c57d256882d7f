// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/document.hpp"

#include <gtest/gtest.h>

#include <format>

namespace xctl::oci {
namespace {

Value parsed_document(std::string_view text) { return parse_document(text, "test").value(); }

/// The document as compact text, enough to compare two of them.
std::string shown(const Value& value) {
    if (value.is_null()) return "null";
    if (const auto* truth = value.get<bool>()) return *truth ? "true" : "false";
    if (const auto* number = value.get<std::int64_t>()) return std::to_string(*number);
    if (const auto* number = value.get<std::uint64_t>()) return std::to_string(*number);
    if (const auto* number = value.get<double>()) return std::format("{}", *number);
    if (const auto* text = value.get<std::string>()) return "'" + *text + "'";
    std::string out;
    if (const auto* array = value.get<Array>()) {
        for (const auto& element : *array) out += shown(element) + " ";
        return "[" + out + "]";
    }
    for (const auto& [name, member] : *value.get<Object>()) out += name + ":" + shown(member) + " ";
    return "{" + out + "}";
}

TEST(ParseDocument, KeepsEveryKindOfValue) {
    EXPECT_EQ(shown(parsed_document(R"({"z": [1, -1, 1.5, true, null, "x", {}], "a": {"b": {}}})")),
              "{a:{b:{} } z:[1 -1 1.5 true null 'x' {} ] }");
    EXPECT_EQ(shown(parsed_document("18446744073709551615")), "18446744073709551615");
    EXPECT_EQ(shown(parsed_document("-9223372036854775808")), "-9223372036854775808");
}

TEST(ParseDocument, NamesLineAndColumn) {
    const auto result = parse_document("{\n  \"a\": 1,\n  \"b\": x\n}", "/etc/x.json");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::invalid_document);
    EXPECT_TRUE(result.error().message.starts_with("/etc/x.json:3:8: ")) << result.error().message;
}

TEST(ParseDocument, QuotesNothingThatCannotBeShown) {
    const auto result = parse_document("\"b; expected\xe0\x7f\xff!", "t");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "t:1:14: invalid string: ill-formed UTF-8 byte");
}

TEST(ParseDocument, HasLimits) {
    const std::string deep(kMaxDocumentDepth, '[');
    EXPECT_TRUE(parse_document(deep + std::string(kMaxDocumentDepth, ']'), "t"));
    EXPECT_EQ(parse_document(deep + "[", "t").error().message, "t:1:65: nested more than 64 levels deep");
    EXPECT_EQ(parse_document(std::string(100'000'000, '['), "t").error().message,
              "t: is larger than 8388608 bytes");
}

TEST(FindMember, LooksUpByName) {
    const auto value = parsed_document(R"({"b": 2, "a": 1, "c": 3})");
    const auto& object = *value.get<Object>();
    EXPECT_EQ(shown(*find_member(object, "a")), "1");
    EXPECT_EQ(shown(*find_member(object, "c")), "3");
    EXPECT_EQ(find_member(object, "d"), nullptr);
    EXPECT_EQ(find_member(object, ""), nullptr);
}

struct PatchCase {
    const char* target;
    const char* patch;
    const char* result;
};

// The examples of RFC 7396, appendix A.
constexpr PatchCase kPatchCases[] = {
    {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
    {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
    {R"({"a":"b"})", R"({"a":null})", R"({})"},
    {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
    {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
    {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
    {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
    {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
    {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
    {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
    {R"({"a":"foo"})", R"(null)", R"(null)"},
    {R"({"a":"foo"})", R"("bar")", R"("bar")"},
    {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
    {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
    {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
};

TEST(MergePatch, FollowsTheRfc) {
    for (const auto& test : kPatchCases) {
        auto value = parsed_document(test.target);
        merge_patch(value, parsed_document(test.patch));
        EXPECT_EQ(shown(value), shown(parsed_document(test.result))) << test.target << " + " << test.patch;
    }
}

}  // namespace
}  // namespace xctl::oci
