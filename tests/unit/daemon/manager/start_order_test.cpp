// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/start_order.hpp"

#include <gtest/gtest.h>

#include <map>

#include "lib/base/text.hpp"

namespace xctl::manager {
namespace {

/// What definitions say about others, by name.
struct Said {
    std::vector<std::string> required, after;
};
using Definitions = std::map<std::string, Said>;

ContainerId id_of(const std::string& name) { return ContainerId::parse(name).value(); }

std::vector<ContainerId> ids_of(const std::vector<std::string>& names) {
    std::vector<ContainerId> out;
    for (const auto& name : names) out.push_back(id_of(name));
    return out;
}

OrderingLookup lookup_in(const Definitions& all) {
    return [&all](const ContainerId& id) -> std::optional<Ordering> {
        const auto at = all.find(id.str());
        if (at == all.end()) return std::nullopt;
        return Ordering{ids_of(at->second.required), ids_of(at->second.after)};
    };
}

std::string order(const std::vector<std::string>& wanted, const Definitions& all) {
    const auto sorted = start_order(ids_of(wanted), lookup_in(all));
    if (!sorted) return sorted.error().message;
    std::vector<std::string> names;
    for (const auto& id : *sorted) names.push_back(id.str());
    return join(names, " ");
}

TEST(StartOrder, IsAsAskedWithoutOtherReasons) { EXPECT_EQ(order({"b", "a"}, {{"a", {}}, {"b", {}}}), "b a"); }

TEST(StartOrder, RequiredOnesComeAlongAndFirst) {
    const Definitions all{
        {"web", {{"app"}, {}}}, {"app", {{"db", "cache"}, {}}}, {"db", {}}, {"cache", {}}};
    EXPECT_EQ(order({"web"}, all), "db cache app web");
    EXPECT_EQ(order({"cache", "web"}, all), "cache db app web");
}

TEST(StartOrder, AfterOrdersWhatIsStartedAnyway) {
    const Definitions all{{"a", {{}, {"b", "nobody"}}}, {"b", {}}, {"c", {{"a"}, {}}}};
    EXPECT_EQ(order({"a"}, all), "a");
    EXPECT_EQ(order({"a", "b"}, all), "b a");
    EXPECT_EQ(order({"c", "b"}, all), "b a c");
}

TEST(StartOrder, WhatIsNotThereIsNamed) {
    EXPECT_EQ(order({"a"}, {}), "no container \"a\"");
    EXPECT_EQ(order({"a"}, {{"a", {{"b"}, {}}}}), "a requires \"b\": no such container");
}

TEST(StartOrder, CirclesAreNamed) {
    const Definitions all{
        {"a", {{"b"}, {}}}, {"b", {{}, {"c"}}}, {"c", {{"b"}, {}}}, {"x", {{"x"}, {}}}};
    EXPECT_EQ(order({"a", "c"}, all), "a circle of containers that come after each other: b -> c -> b");
    EXPECT_EQ(order({"x"}, all), "a circle of containers that come after each other: x -> x");
}

std::string check(const std::string& name, const Definitions& all) {
    const auto checked = check_order(id_of(name), lookup_in(all));
    return checked ? "" : checked.error().message;
}

TEST(CheckOrder, FindsWhatABootWouldRefuse) {
    const Definitions all{{"a", {{}, {"b"}}},  {"b", {{}, {"c", "nobody"}}}, {"c", {{}, {"b"}}},
                                              {"d", {{}, {"e"}}},  {"e", {{"gone"}, {}}},        {"f", {{"gone"}, {}}}};
    EXPECT_EQ(check("a", all), "a circle of containers that come after each other: b -> c -> b");
    EXPECT_EQ(check("d", all), "") << "what is wrong with others is said of them";
    EXPECT_EQ(check("f", all), "f requires \"gone\": no such container");
}

}  // namespace
}  // namespace xctl::manager
