// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/start_order.hpp"

#include <gtest/gtest.h>

#include <map>

#include "lib/base/text.hpp"

namespace xctl::manager {
namespace {

std::string order(const std::vector<std::string>& wanted, const std::map<std::string, Ordering>& all) {
    const auto sorted = start_order(wanted, [&](const std::string& name) {
        const auto at = all.find(name);
        return at == all.end() ? std::nullopt : std::optional(at->second);
    });
    return sorted ? join(*sorted, " ") : sorted.error().message;
}

TEST(StartOrder, IsAsAskedWithoutOtherReasons) { EXPECT_EQ(order({"b", "a"}, {{"a", {}}, {"b", {}}}), "b a"); }

TEST(StartOrder, RequiredOnesComeAlongAndFirst) {
    const std::map<std::string, Ordering> all{
        {"web", {{"app"}, {}}}, {"app", {{"db", "cache"}, {}}}, {"db", {}}, {"cache", {}}};
    EXPECT_EQ(order({"web"}, all), "db cache app web");
    EXPECT_EQ(order({"cache", "web"}, all), "cache db app web");
}

TEST(StartOrder, AfterOrdersWhatIsStartedAnyway) {
    const std::map<std::string, Ordering> all{{"a", {{}, {"b", "nobody"}}}, {"b", {}}, {"c", {{"a"}, {}}}};
    EXPECT_EQ(order({"a"}, all), "a");
    EXPECT_EQ(order({"a", "b"}, all), "b a");
    EXPECT_EQ(order({"c", "b"}, all), "b a c");
}

TEST(StartOrder, WhatIsNotThereIsNamed) {
    EXPECT_EQ(order({"a"}, {}), "no container \"a\"");
    EXPECT_EQ(order({"a"}, {{"a", {{"b"}, {}}}}), "a requires \"b\": no such container");
}

TEST(StartOrder, CirclesAreNamed) {
    const std::map<std::string, Ordering> all{
        {"a", {{"b"}, {}}}, {"b", {{}, {"c"}}}, {"c", {{"b"}, {}}}, {"x", {{"x"}, {}}}};
    EXPECT_EQ(order({"a", "c"}, all), "a circle of containers that come after each other: b -> c -> b");
    EXPECT_EQ(order({"x"}, all), "a circle of containers that come after each other: x -> x");
}

std::string check(const std::string& name, const std::map<std::string, Ordering>& all) {
    const auto checked = check_order(name, [&](const std::string& each) {
        const auto at = all.find(each);
        return at == all.end() ? std::nullopt : std::optional(at->second);
    });
    return checked ? "" : checked.error().message;
}

TEST(CheckOrder, FindsWhatABootWouldRefuse) {
    const std::map<std::string, Ordering> all{{"a", {{}, {"b"}}},  {"b", {{}, {"c", "nobody"}}}, {"c", {{}, {"b"}}},
                                              {"d", {{}, {"e"}}},  {"e", {{"gone"}, {}}},        {"f", {{"gone"}, {}}}};
    EXPECT_EQ(check("a", all), "a circle of containers that come after each other: b -> c -> b");
    EXPECT_EQ(check("d", all), "") << "what is wrong with others is said of them";
    EXPECT_EQ(check("f", all), "f requires \"gone\": no such container");
}

}  // namespace
}  // namespace xctl::manager
