// SPDX-License-Identifier: LGPL-2.1-or-later
// The contract's tables are complete and free of contradictions.
#include <gtest/gtest.h>

#include <set>

#include "api/console_stream.hpp"
#include "api/errors.hpp"
#include "api/verbs.hpp"

namespace xctl::api {
namespace {

/// Enumerators are dense, so the first value without a row is one past the last.
constexpr auto kErrcCount = static_cast<std::size_t>(Errc::system) + 1;

TEST(Errors, EveryCodeHasItsRow) {
    EXPECT_EQ(kErrors.size(), kErrcCount);
    for (std::size_t i = 0; i < kErrcCount; ++i) {
        const auto code = static_cast<Errc>(i);
        EXPECT_EQ(error_row(code).value, code);
        EXPECT_FALSE(error_row(code).meaning.empty());
        EXPECT_GT(error_row(code).exit_status, 0);
        EXPECT_LT(error_row(code).exit_status, kExitOwnFailure);
    }
}

TEST(Errors, NamesFitOnTheWire) {
    for (const auto& row : kErrors)
        for (const char c : row.name) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c))) << row.name;
}

TEST(Verbs, EveryVerbHasItsRow) {
    for (const auto& row : kVerbs) {
        EXPECT_EQ(&verb_row(row.value), &row);
        EXPECT_FALSE(row.help.empty()) << row.name;
        EXPECT_FALSE(row.action.empty()) << row.name;
    }
}

TEST(Verbs, MethodsAreUnique) {
    std::set<std::string_view> methods;
    for (const auto& row : kVerbs) EXPECT_TRUE(methods.insert(row.method).second) << row.method;
}

TEST(Verbs, ParametersOfOneVerbDoNotCollide) {
    for (const auto& row : kVerbs) {
        std::set<std::string_view> names, options;
        std::set<char> letters;
        for (const auto& param : row.params) {
            EXPECT_TRUE(names.insert(param.name).second) << row.name << " " << param.name;
            EXPECT_TRUE(!param.option.starts_with("--") || options.insert(param.option).second) << param.name;
            EXPECT_TRUE(!param.letter || letters.insert(param.letter).second) << row.name << " " << param.letter;
        }
    }
}

/// A request of a verb has all of its parameters, and none of them is given yet.
TEST(Verbs, RequestsHaveTheirParameters) {
    for (const auto& row : kVerbs) {
        auto request = request_of(row);
        EXPECT_EQ(request.arguments.index(), row.params.request()) << row.name;
        std::set<const void*> places;
        for (const auto& param : row.params) {
            EXPECT_FALSE(is_given(param, request)) << row.name << " " << param.name;
            EXPECT_EQ(param.find(request.arguments).index(), param.type) << row.name << " " << param.name;
            visit_argument(param, request, [&](auto& value) { places.insert(&value); });
        }
        EXPECT_EQ(places.size(), std::ranges::distance(row.params)) << row.name << ": two rows for one member";
    }
}

TEST(Verbs, WhoChoosesTheProgramNeedsMore) {
    auto start = request_of(Verb::start);
    EXPECT_EQ(action_of(verb_row(Verb::start), start), "manage");
    start.as<StartRequest>().args = {"sh"};
    EXPECT_EQ(action_of(verb_row(Verb::start), start), "configure");
    auto attach = request_of(Verb::attach);
    EXPECT_EQ(action_of(verb_row(Verb::attach), attach), "attach");
    attach.as<AttachRequest>().exec = "1";
    EXPECT_EQ(action_of(verb_row(Verb::attach), attach), "exec");
}

TEST(Verbs, ParametersCanBeWritten) {
    for (const auto& row : kVerbs)
        for (const auto& param : row.params) {
            EXPECT_FALSE(param.help.empty()) << param.name;
            EXPECT_TRUE(!param.option.empty() || !param.value.empty()) << param.name;
            EXPECT_TRUE(param.kind == ParamKind::words || param.option != "--") << param.name;
            // Positional ones take all words that are left, so nothing can come after them.
            EXPECT_TRUE(param.kind != ParamKind::words || param.option == "--" || param.required) << param.name;
            const bool option = param.option.size() > 2;
            EXPECT_TRUE(!option || param.option.starts_with("--")) << param.name;
            EXPECT_EQ(option && param.kind != ParamKind::flag, option && !param.value.empty()) << param.name;
            EXPECT_TRUE(!param.required || param.option.empty() || param.option == "--") << param.name;
        }
}

TEST(Fields, EveryFieldHasHelp) {
    for (const auto& field : kContainerFields) EXPECT_FALSE(field.help.empty()) << field.name;
    for (const auto& field : kEventFields) EXPECT_FALSE(field.help.empty()) << field.name;
    for (const auto& field : kStatsFields) EXPECT_FALSE(field.help.empty()) << field.name;
    for (const auto& field : kInterfaceFields) EXPECT_FALSE(field.help.empty()) << field.name;
    for (const auto& field : kProcessFields) EXPECT_FALSE(field.help.empty()) << field.name;
    for (const auto& field : kRunFields) EXPECT_FALSE(field.help.empty()) << field.name;
}

}  // namespace
}  // namespace xctl::api
