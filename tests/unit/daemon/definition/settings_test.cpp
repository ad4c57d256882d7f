// SPDX-License-Identifier: LGPL-2.1-or-later
// The words of `xctl set`, where values come from, and what differs.
#include "daemon/definition/settings.hpp"

#include <gtest/gtest.h>

namespace xctl::definition {
namespace {

std::string value_of(const std::string& word) {
    const auto parsed = parse_assignments({word});
    if (!parsed) return "error: " + parsed.error().message;
    return parsed->front().key + " " + parsed->front().value;
}

TEST(Assignments, AreLimitedInNumber) {
    const std::vector<std::string> most(512, "config.hostname=web");
    EXPECT_TRUE(parse_assignments(most));
    auto more = most;
    more.push_back(most.front());
    EXPECT_EQ(parse_assignments(more).error().message, "513 settings are too many for one call, which takes 512");
}

TEST(Assignments, AreReadByTheTypeOfTheirKey) {
    const std::pair<const char*, const char*> words[]{
        {"autostart=yes", "/autostart true"},
        {"autostart=false", "/autostart false"},
        {"restart.policy=always", "/restart/policy \"always\""},
        {"/restart/policy=no", "/restart/policy \"no\""},
        {"restart.delayUSec=5s", "/restart/delayUSec 5000000"},
        {"restart.delayUSec=100ms", "/restart/delayUSec 100000"},
        {"restart.delayUSec=250000", "/restart/delayUSec 250000"},
        {"restart.multiplier=1.5", "/restart/multiplier 1.5"},
        {"console.scrollback=2M", "/console/scrollback 2097152"},
        {"stop.signal=QUIT", "/stop/signal \"QUIT\""},
        {"bundle=/srv/a=b", "/bundle \"/srv/a=b\""},
        {"stop.signal=", "/stop/signal null"},
        {"after=a,b", "/after [\"a\",\"b\"]"},
        {"binds=/a:/b", "/binds [\"/a:/b\"]"},
        {"binds=[\"/a:/b:ro,noexec\",\"/c:/d\"]", "/binds [\"/a:/b:ro,noexec\",\"/c:/d\"]"},
        {"config.hostname=web", "/config/hostname \"web\""},
        {"config.linux.resources.memory.limit=1048576", "/config/linux/resources/memory/limit 1048576"},
        {"config.process.args=[\"sh\",\"-c\"]", "/config/process/args [\"sh\",\"-c\"]"},
        {"config.linux.resources.memory.limit=64M", "/config/linux/resources/memory/limit 67108864"},
        {"config.process.env=A=1,B=2", "/config/process/env [\"A=1\",\"B=2\"]"},
        {"config.process.noNewPrivileges=yes", "/config/process/noNewPrivileges true"},
        {"config.hostname=7", "/config/hostname \"7\""},
        {"config.hostname=\"seven\"", "/config/hostname \"seven\""},
        {"/config/linux/resources/unified/memory.high=64M", "/config/linux/resources/unified/memory.high \"64M\""},
        {"config.nobody.knows=64M", "/config/nobody/knows \"64M\""},
        {"config.hostname=[not json", "/config/hostname \"[not json\""},
        {"/config/annotations/org.example.a=1", "/config/annotations/org.example.a \"1\""},
        {"config={\"hostname\":\"x\"}", "/config {\"hostname\":\"x\"}"},
    };
    for (const auto& [word, expected] : words) EXPECT_EQ(value_of(word), expected) << word;
}

TEST(Assignments, WhatIsWrongIsNamed) {
    const std::pair<const char*, const char*> words[]{
        {"autostart", "error: \"autostart\": must be KEY=VALUE"},
        {"=x", "error: \"=x\": must be KEY=VALUE"},
        {"autostart=maybe", "error: autostart: must be true or false"},
        {"restart.polcy=no", "error: \"restart.polcy\": is not a key of a definition"},
        {"restart={}", "error: \"restart\": is not a key of a definition"},
        {"configuration.x=1", "error: \"configuration.x\": is not a key of a definition"},
        {"restart.limit=-1", "error: restart.limit: must be a whole number from 0 to 1000000"},
        {"restart.policy=never",
         "error: restart.policy: must be \"no\", \"on-failure\", \"always\" or \"unless-stopped\""},
        {"bundle=relative", "error: bundle: must be an absolute path"},
        {"config=1", "error: config: must be an object: a merge patch onto config.json"},
    };
    for (const auto& [word, expected] : words) EXPECT_EQ(value_of(word), expected) << word;
    std::string deep = "config";
    for (int i = 0; i < 1000; ++i) deep += ".a";
    EXPECT_TRUE(value_of(deep + "=1").contains("too many levels"));
    EXPECT_FALSE(parse_assignments({}));
}

TEST(Assignments, AreBlamedForWhatIsWrongWithThem) {
    const std::vector<std::string> words{"config.hostname=x", "config.linux.resources.memory.limit=64Q"};
    const auto assignments = parse_assignments(words).value();
    const auto blamed = [&](Errc code, const std::string& message) {
        return blaming({code, 0, message, {}, {}}, words, assignments).message;
    };
    constexpr auto kBroken = Errc::invalid_document;
    EXPECT_EQ(blamed(kBroken, "/b/config.json: /linux/resources/memory/limit: must be a whole number"),
              "config.linux.resources.memory.limit=64Q: must be a whole number");
    for (const auto* other : {"/b/config.json: /linux/resources/memory/limits: is wrong", "/b/config.json: /root: is required",
                              "/b/config.json: /linux/resources/memory: is wrong"})
        EXPECT_EQ(blamed(kBroken, other), other);
    const auto* elsewhere = "x: /hostname: cannot be set";
    EXPECT_EQ(blamed(Errc::unsupported, elsewhere), elsewhere) << "of a good document";
}

TEST(Assignments, AreWrittenAmongWhatIsThere) {
    EXPECT_EQ(with_assignments({"a", ""}, {{"/restart/policy", "\"no\""}}).value(),
              "{\n    \"restart\": {\n        \"policy\": \"no\"\n    }\n}\n");
    EXPECT_EQ(with_assignments({"a", R"({"b": 1, "a": {"x": 1}})"}, {{"/a/y", "2"}, {"/b", "null"}}).value(),
              "{\n    \"b\": null,\n    \"a\": {\n        \"x\": 1,\n        \"y\": 2\n    }\n}\n");
    EXPECT_EQ(with_assignments({"a", R"({"a": 1})"}, {{"/a/x~1y~0z", "2"}}).value(),
              "{\n    \"a\": {\n        \"x/y~z\": 2\n    }\n}\n");
    EXPECT_FALSE(with_assignments({"a", "[]"}, {{"/a", "1"}}));
    EXPECT_FALSE(with_assignments({"a", "nonsense"}, {{"/a", "1"}}));
}

TEST(Settings, AreFromTheLastFileThatHasThem) {
    const auto settings =
        list_settings({{"base", "{\n\"bundle\": \"/b\",\n\"stop\": {\"signal\": \"INT\"}, \"config\": {\"a\": 1}}"},
                       {"ten", "{\"stop\": {\"signal\": null, \"timeoutUSec\": 5}}"},
                       {"twenty", "{\n\n\"config\": {\"a\": [1], \"b/c\": {}}}"},
                       {"thirty", "{\"config\": {\"root\": {\"readonly\": null}}}"}});
    std::vector<std::string> lines;
    for (const auto& setting : settings) lines.push_back(setting.key + "=" + setting.value + " " + setting.origin);
    const std::vector<std::string> wanted{"/bundle=\"/b\" base:2", "/stop/timeoutUSec=5 ten:1",
                                          "/config/a=[1] twenty:3", "/config/b~1c={} twenty:3"};
    EXPECT_EQ(lines, wanted);
}

TEST(WholeDocument, IsDefinitionAndBundleTogether) {
    Definition definition;
    definition.bundle = "/b";
    definition.config_patch = R"({"hostname": "new"})";
    const auto whole = whole_document(definition, R"({"hostname": "old", "process": {"args": ["a"]}})", {"x", "y"});
    EXPECT_EQ(whole, R"({"bundle":"/b","config":{"hostname":"new","process":{"args":["x","y"]}}})");
    EXPECT_EQ(config_of(whole), R"({"hostname":"new","process":{"args":["x","y"]}})");
    EXPECT_EQ(config_of(""), "");
}

TEST(WholeDocument, DiffersMemberByMember) {
    const auto differing = differences(R"({"a": {"b": 1, "c": 2, "same": [1]}, "gone": true})",
                                       R"({"a": {"b": 1, "c": 3, "same": [1]}, "new": {"x": "y"}})");
    std::vector<std::string> lines;
    for (const auto& setting : differing)
        lines.push_back(setting.key + ": " + setting.running + " -> " + setting.value);
    const std::vector<std::string> wanted{"/a/c: 2 -> 3", "/new/x:  -> \"y\"", "/gone: true -> "};
    EXPECT_EQ(lines, wanted);
    EXPECT_TRUE(differences("{}", "{}").empty());
    EXPECT_TRUE(differences("", "").empty());
}

TEST(WholeDocument, TakesValuesOfAnotherWhole) {
    EXPECT_EQ(
        with_values_of(R"({"config":{"r":{"a":1,"b":2},"x":1}})", R"({"config":{"r":{"b":3},"x":2}})", {"/config/r"}),
        R"({"config":{"x":1,"r":{"b":3}}})");
    EXPECT_EQ(with_values_of(R"({"config":{"r":{"a":1},"x":1}})", R"({"config":{"x":2}})", {"/config/r"}),
              R"({"config":{"x":1}})");
}

}  // namespace
}  // namespace xctl::definition
