// SPDX-License-Identifier: LGPL-2.1-or-later
// The file of a profile: what is read, and what is said about a broken one.
#include "lib/oci/seccomp_profile.hpp"

#include <errno.h>
#include <gtest/gtest.h>

#include <format>

namespace xctl::oci {
namespace {

Result<SeccompProfile> parse_rule(const std::string& members) {
    return parse_seccomp_profile(
        R"({"default": "EPERM", "architectures": {"x86_64": ["x86"]}, "rules": [{"name": "a", "calls": ["read"]}, )" +
            members + "]}",
        "p.json");
}

std::string error_of(const Result<SeccompProfile>& result) {
    EXPECT_FALSE(result);
    if (result) return {};
    EXPECT_EQ(result.error().code, Errc::invalid_document);
    return result.error().message;
}

TEST(SeccompProfile, EveryPropertyIsRead) {
    const auto profile = parse_rule(R"({"name": "b", "comment": "why", "calls": ["clone", "clone3"], "answer": "ENOSYS",
        "capabilities": ["CAP_KILL"], "withoutCapabilities": ["CAP_CHOWN"],
        "when": {"argument": 2, "mask": "0xfF", "in": [1, "0x10"]}})")
                             .value();
    EXPECT_EQ(profile.answer, EPERM);
    EXPECT_EQ(profile.architectures.at("x86_64"), std::vector<std::string>{"x86"});
    ASSERT_EQ(profile.rules.size(), 2U);
    EXPECT_EQ(profile.rules[0].answer, 0);
    EXPECT_FALSE(profile.rules[0].when);
    const auto& rule = profile.rules[1];
    EXPECT_EQ(rule.name, "b");
    EXPECT_EQ(rule.calls, (std::vector<std::string>{"clone", "clone3"}));
    EXPECT_EQ(rule.answer, ENOSYS);
    EXPECT_EQ(rule.capabilities, std::vector<std::string>{"CAP_KILL"});
    EXPECT_EQ(rule.without_capabilities, std::vector<std::string>{"CAP_CHOWN"});
    ASSERT_TRUE(rule.when);
    EXPECT_EQ(rule.when->argument, 2U);
    EXPECT_EQ(rule.when->mask.value, 0xffU);
    ASSERT_EQ(rule.when->values.size(), 2U);
    EXPECT_EQ(rule.when->values[1].value, 0x10U);
}

TEST(SeccompProfile, ErrorsNameFilePlaceAndRule) {
    const auto when = [](const std::string& members) {
        return error_of(parse_rule(std::format(R"({{"name": "b", "calls": ["read"], "when": {{{}}}}})", members)));
    };
    EXPECT_EQ(error_of(parse_rule(R"({"name": "b", "calls": []})")),
              "p.json: /rules/1/calls: must be an array of at least one string");
    EXPECT_EQ(error_of(parse_rule(R"({"name": "b", "calls": [1]})")), "p.json: /rules/1/calls/0: must be a string");
    EXPECT_EQ(error_of(parse_rule(R"({"calls": ["read"]})")), "p.json: /rules/1/name: is required");
    EXPECT_EQ(error_of(parse_rule(R"({"name": "b", "calls": ["read"], "capability": []})")),
              "p.json: /rules/1/capability: is not a property of a profile");
    EXPECT_EQ(error_of(parse_rule(R"({"name": "b", "calls": ["read"], "answer": "no"})")),
              R"(p.json: /rules/1/answer: must be one of "allow", "EPERM", "EACCES", "EINVAL", "ENOSYS")");
    EXPECT_EQ(when(R"("argument": 6, "mask": 1, "in": [1])"),
              "p.json: /rules/1/when/argument: must be a whole number from 0 to 5");
    EXPECT_EQ(when(R"("argument": 0, "mask": 1, "in": [1, 2])"),
              "p.json: /rules/1/when/in/1: has bits that the mask has not: it would never match");
    EXPECT_EQ(when(R"("argument": 0, "mask": 1, "in": [])"),
              "p.json: /rules/1/when/in: must be an array of at least one number");
    for (const auto* bits : {R"("1")", R"("0x")", R"("0xg")", R"("0x1 ")", R"("0x-1")", "-1", "1.5", "true"})
        EXPECT_EQ(when(std::format(R"("argument": 0, "mask": {}, "in": [0])", bits)),
                  "p.json: /rules/1/when/mask: must be a whole number, not negative, or its digits as \"0x...\"")
            << bits;
}

TEST(SeccompProfile, WhatIsAtTheTop) {
    const auto error = [](const char* text) { return error_of(parse_seccomp_profile(text, "p.json")); };
    EXPECT_EQ(error(R"({"default": "allow", "architectures": {}, "rules": []})"),
              "p.json: /default: must not be \"allow\"");
    EXPECT_EQ(error(R"({"architectures": {}, "rules": []})"), "p.json: /default: is required");
    EXPECT_EQ(error(R"({"default": "EPERM", "rules": []})"), "p.json: /architectures: is required");
    EXPECT_EQ(error(R"({"default": "EPERM", "architectures": {}})"), "p.json: /rules: is required");
    EXPECT_EQ(error(R"({"default": "EPERM", "architectures": {"z80": []}, "rules": []})"),
              "p.json: /architectures/z80: is not an architecture");
    EXPECT_EQ(error(R"({"default": "EPERM", "architectures": {"x86_64": ["X86"]}, "rules": []})"),
              "p.json: /architectures/x86_64/0: is not an architecture");
    EXPECT_EQ(error(R"({"default": "EPERM", "architectures": {}, "rules": [], "rule": 1})"),
              "p.json: /rule: is not a property of a profile");
    EXPECT_EQ(error("[]"), "p.json: must be an object");
    EXPECT_TRUE(error("{").starts_with("p.json:1:1: ")) << error("{");
}

}  // namespace
}  // namespace xctl::oci
