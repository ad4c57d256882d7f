// SPDX-License-Identifier: LGPL-2.1-or-later
// Every key of a definition: what it takes, and what is said about everything else.
#include <gtest/gtest.h>

#include <cstdlib>
#include <format>
#include <fstream>
#include <regex>
#include <sstream>

#include "daemon/definition/definition_keys.hpp"
#include "daemon/definition/definition_schema.hpp"
#include "daemon/definition/settings.hpp"

namespace xctl::definition {
namespace {

using namespace std::chrono_literals;

constexpr const char* kFile = "/etc/xctl/containers/web.json";

Result<Definition> parse(const std::string& text, const std::vector<NamedText>& drop_ins = {}) {
    std::vector<NamedText> files{{kFile, text}};
    files.insert(files.end(), drop_ins.begin(), drop_ins.end());
    return parse_definition(files);
}

/// With the bundle, which is required.
Definition parse_with(const std::string& members) {
    auto definition = parse(R"({"bundle": "/srv/web", )" + members + "}");
    EXPECT_TRUE(definition) << definition.error().message;
    return definition.value_or(Definition{});
}

std::string error_of(const Result<Definition>& result) {
    EXPECT_FALSE(result);
    if (result) return {};
    EXPECT_EQ(result.error().code, Errc::invalid_document);
    return result.error().message;
}

/// FILE:LINE:COLUMN: without line and column.
std::string without_place(const std::string& message) {
    return std::regex_replace(message, std::regex("^([^:]*):[0-9]+:[0-9]+: "), "$1: ");
}

TEST(DefinitionJson, OnlyTheBundleIsNeeded) {
    const auto definition = parse(R"({"bundle": "/srv/web"})").value();
    EXPECT_EQ(definition.bundle, "/srv/web");
    EXPECT_FALSE(definition.autostart);
    EXPECT_FALSE(definition.remove_when_stopped);
    EXPECT_EQ(definition.restart.when, model::RestartWhen::no);
    EXPECT_EQ(definition.restart.delay, 100ms);
    EXPECT_EQ(definition.restart.max_delay, 1min);
    EXPECT_EQ(definition.restart.multiplier, 2.0);
    EXPECT_EQ(definition.restart.limit, 20u);
    EXPECT_EQ(definition.restart.window, 10min);
    EXPECT_EQ(definition.scrollback, 1u << 20);
    EXPECT_EQ(definition.stop_signal, "");
    EXPECT_EQ(definition.stop_timeout, 10s);
    EXPECT_FALSE(definition.default_seccomp);
    EXPECT_EQ(definition.register_when, RegisterWhen::systemd);
    EXPECT_EQ(definition.config_patch, "");
    EXPECT_EQ(error_of(parse("{}")), "/etc/xctl/containers/web.json: /bundle: is required");
}

TEST(DefinitionJson, EveryKeyIsRead) {
    const auto d = parse(R"({
        "bundle": "/srv/web", "autostart": true, "removeWhenStopped": true,
        "restart": {"policy": "on-failure", "delayUSec": 500000, "maxDelayUSec": 2000000, "multiplier": 1.5,
                    "limit": 7, "windowUSec": 30000000, "jitter": 0.25, "forceExitStatus": ["0", "SIGHUP", "TERM"],
                    "preventExitStatus": ["255"]},
        "history": 3,
        "console": {"scrollback": 8192},
        "stop": {"signal": "SIGQUIT", "timeoutUSec": 30000000},
        "seccomp": "default",
        "register": "never",
        "config": {"process": {"terminal": null, "args": ["a"]}}})").value();
    EXPECT_TRUE(d.autostart);
    EXPECT_TRUE(d.remove_when_stopped);
    EXPECT_EQ(d.restart.when, model::RestartWhen::on_failure);
    EXPECT_EQ(d.restart.delay, 500ms);
    EXPECT_EQ(d.restart.max_delay, 2s);
    EXPECT_EQ(d.restart.multiplier, 1.5);
    EXPECT_EQ(d.restart.limit, 7u);
    EXPECT_EQ(d.restart.window, 30s);
    EXPECT_EQ(d.restart.jitter, 0.25);
    EXPECT_EQ(d.restart.force, (model::ExitWords{"0", "SIGHUP", "TERM"}));
    EXPECT_EQ(d.restart.prevent, (model::ExitWords{"255"}));
    EXPECT_EQ(d.history, 3u);
    // What is written is read back.
    EXPECT_EQ(to_json(parse(to_json(d)).value()), to_json(d));
    EXPECT_EQ(d.scrollback, 8192u);
    EXPECT_EQ(d.stop_signal, "SIGQUIT");
    EXPECT_EQ(d.stop_timeout, 30s);
    EXPECT_TRUE(d.default_seccomp);
    EXPECT_EQ(d.register_when, RegisterWhen::never);
    EXPECT_EQ(d.config_patch, R"({"process":{"terminal":null,"args":["a"]}})");
}

TEST(DefinitionJson, TheEdgesOfTheRanges) {
    EXPECT_EQ(parse_with(R"("restart": {"delayUSec": 0})").restart.delay, 0ms);
    EXPECT_EQ(parse_with(R"("restart": {"windowUSec": 31536000000000})").restart.window, 365 * 24h);
    EXPECT_EQ(parse_with(R"("restart": {"multiplier": 1})").restart.multiplier, 1.0);
    EXPECT_EQ(parse_with(R"("restart": {"multiplier": 100})").restart.multiplier, 100.0);
    EXPECT_EQ(parse_with(R"("restart": {"limit": 0})").restart.limit, 0u);
    EXPECT_EQ(parse_with(R"("restart": {"limit": 1000000})").restart.limit, 1'000'000u);
    EXPECT_EQ(parse_with(R"("console": {"scrollback": 4096})").scrollback, kMinScrollback);
    EXPECT_EQ(parse_with(R"("console": {"scrollback": 1073741824})").scrollback, kMaxScrollback);
    for (const auto& [word, policy] : model::kRestartPolicies)
        EXPECT_EQ(parse_with(std::format(R"("restart": {{"policy": "{}"}})", word)).restart.when, policy);
    for (const auto* word : {"TERM", "SIGTERM", "15", "RTMIN+3", "SIGRTMAX"})
        EXPECT_EQ(parse_with(std::format(R"("stop": {{"signal": "{}"}})", word)).stop_signal, word);
}

struct Bad {
    const char* member;
    const char* message;
};

TEST(DefinitionJson, BadValuesAreNamedWithTheirRule) {
    constexpr const char* kYear = "must be a whole number from 0 to 31536000000000";
    const Bad bad[]{
        {R"("bundle": "relative")", "/bundle: must be an absolute path"},
        {R"("bundle": "")", "/bundle: must be an absolute path"},
        {R"("bundle": 1)", "/bundle: must be an absolute path"},
        {R"("autostart": "yes")", "/autostart: must be true or false"},
        {R"("autostart": 1)", "/autostart: must be true or false"},
        {R"("autostart": null)", "/autostart: must be true or false"},
        {R"("removeWhenStopped": 0)", "/removeWhenStopped: must be true or false"},
        {R"("restart": {"policy": "never"})",
         R"(/restart/policy: must be "no", "on-failure", "always" or "unless-stopped")"},
        {R"("restart": {"policy": true})",
         R"(/restart/policy: must be "no", "on-failure", "always" or "unless-stopped")"},
        {R"("restart": {"multiplier": 0.5})", "/restart/multiplier: must be a number from 1 to 100"},
        {R"("restart": {"multiplier": 101})", "/restart/multiplier: must be a number from 1 to 100"},
        {R"("restart": {"multiplier": "2"})", "/restart/multiplier: must be a number from 1 to 100"},
        {R"("restart": {"jitter": 1.5})", "/restart/jitter: must be a number from 0 to 1"},
        {R"("restart": {"jitter": "1"})", "/restart/jitter: must be a number from 0 to 1"},
        {R"("restart": {"forceExitStatus": ["256"]})",
         "/restart/forceExitStatus: must be an array of exit codes from 0 to 255, as strings, and names of signals"},
        {R"("restart": {"preventExitStatus": ["HELLO"]})",
         "/restart/preventExitStatus: must be an array of exit codes from 0 to 255, as strings, and names of signals"},
        {R"("restart": {"preventExitStatus": ["007"]})",
         "/restart/preventExitStatus: must be an array of exit codes from 0 to 255, as strings, and names of signals"},
        {R"("history": 0)", "/history: must be a whole number from 1 to 1000"},
        {R"("restart": {"limit": -1})", "/restart/limit: must be a whole number from 0 to 1000000"},
        {R"("restart": {"limit": 1000001})", "/restart/limit: must be a whole number from 0 to 1000000"},
        {R"("restart": {"limit": 1.5})", "/restart/limit: must be a whole number from 0 to 1000000"},
        {R"("console": {"scrollback": 4095})", "/console/scrollback: must be a whole number from 4096 to 1073741824"},
        {R"("console": {"scrollback": 1073741825})",
         "/console/scrollback: must be a whole number from 4096 to 1073741824"},
        {R"("console": {"scrollback": "1M"})", "/console/scrollback: must be a whole number from 4096 to 1073741824"},
        {R"("stop": {"signal": "HELLO"})", "/stop/signal: must be the name of a signal"},
        {R"("stop": {"signal": ""})", "/stop/signal: must be the name of a signal"},
        {R"("stop": {"signal": 15})", "/stop/signal: must be the name of a signal"},
        {R"("seccomp": "strict")", "/seccomp: must be \"default\""},
        {R"("seccomp": true)", "/seccomp: must be \"default\""},
        {R"("register": true)", R"(/register: must be "systemd", "always" or "never")"},
        {R"("config": "text")", "/config: must be an object: a merge patch onto config.json"},
        {R"("config": [])", "/config: must be an object: a merge patch onto config.json"},
    };
    for (const auto& [member, message] : bad)
        EXPECT_EQ(without_place(error_of(parse(std::format("{{{}}}", member)))), std::format("{}: {}", kFile, message));
    for (const auto* key : {"restart/delayUSec", "restart/maxDelayUSec", "restart/windowUSec", "stop/timeoutUSec"}) {
        const std::string path(key), section = path.substr(0, path.find('/')), name = path.substr(path.find('/') + 1);
        for (const auto* value : {"-1", "1.5", "31536000000001", "\"1s\"", "18446744073709551615"})
            EXPECT_EQ(without_place(error_of(parse(std::format(R"({{"{}": {{"{}": {}}}}})", section, name, value)))),
                      std::format("{}: /{}: {}", kFile, path, kYear));
    }
}

TEST(DefinitionJson, MisspeltKeysAreErrors) {
    const Bad bad[]{
        {R"("Bundle": "/x")", "/Bundle: is not a key of a definition"},
        {R"("autoStart": true)", "/autoStart: is not a key of a definition"},
        {R"("restart": {"polcy": "no"})", "/restart/polcy: is not a key of a definition"},
        {R"("restart": {"policy": {"x": 1}})",
         R"(/restart/policy: must be "no", "on-failure", "always" or "unless-stopped")"},
        {R"("console": {"": 1})", "/console/: is not a key of a definition"},
        {R"("": 1)", "/: is not a key of a definition"},
        {R"("restart/policy": "no")", "/restart~1policy: is not a key of a definition"},
        {R"("a~b": 1)", "/a~0b: is not a key of a definition"},
        {R"("\u001b[2J\u007f": 1)", "/?[2J?: is not a key of a definition"},
        {R"("restart": "always")", "/restart: must be an object"},
        {R"("stop": null)", "/stop: must be an object"},
        {R"("console": [])", "/console: must be an object"},
        {R"("re": {"start": 1})", "/re: is not a key of a definition"},
    };
    for (const auto& [member, message] : bad)
        EXPECT_EQ(without_place(error_of(parse(std::format("{{{}}}", member)))), std::format("{}: {}", kFile, message));
}

TEST(DefinitionJson, BrokenFilesNameTheFile) {
    for (const auto* text : {"", "{", "{\"bundle\": \"/x\",}", "{\"bundle\": \"\xff\"}", "{} {}", "{\"a\": 1e999}"})
        EXPECT_TRUE(error_of(parse(text)).starts_with(std::string(kFile) + ":1:")) << text;
    for (const auto* text : {"[]", "null", "1", "\"text\""})
        EXPECT_EQ(error_of(parse(text)), std::string(kFile) + ": /: must be an object");
    const auto broken = error_of(parse("{\"a\x7f\xff"));
    EXPECT_TRUE(broken.starts_with(std::string(kFile) + ":1:")) << broken;
    EXPECT_FALSE(broken.contains('\x7f') || broken.contains('\xff')) << "the error quotes bytes that are no text";
}

TEST(DefinitionJson, WhatNoDocumentMayBeIsNoDefinitionEither) {
    const auto nested = [](std::size_t levels) {
        return std::format(R"({{"bundle": "/x", "config": {{"a": {}{}}}}})", std::string(levels, '['),
                           std::string(levels, ']'));
    };
    EXPECT_TRUE(parse(nested(62)));
    EXPECT_TRUE(error_of(parse(nested(63))).ends_with(": nested more than 64 levels deep"));
    // Writing such a value, or patching it, would need more stack than there is.
    EXPECT_TRUE(error_of(parse(nested(100'000))).ends_with(": nested more than 64 levels deep"));
    EXPECT_FALSE(parse(R"({"bundle": "/x"})", {{"a.json", nested(100'000)}}));
    EXPECT_FALSE(with_assignments({"a.json", nested(100'000)}, {{"/autostart", "true"}}));
    EXPECT_TRUE(error_of(parse(R"({"bundle": "/x", "bundle": "/y"})")).contains("is given twice"));
    EXPECT_TRUE(error_of(parse(R"({"bundle": "/x\u0000y"})")).contains("NUL"));
}

TEST(DefinitionJson, DropInsArePatchesInTheirOrder) {
    const auto d = parse(R"({"bundle": "/srv/web", "autostart": true, "restart": {"policy": "always", "limit": 3}})",
                         {{"10", R"({"autostart": false, "restart": {"limit": 4}})"},
                          {"20", R"({"restart": {"limit": 5, "delayUSec": 1000}})"},
                          {"30", R"({"restart": {"policy": null}})"}})
                       .value();
    EXPECT_FALSE(d.autostart);
    EXPECT_EQ(d.restart.limit, 5u);
    EXPECT_EQ(d.restart.delay, 1ms);
    EXPECT_EQ(d.restart.when, model::RestartWhen::no);
}

TEST(DefinitionJson, TheFileThatIsWrongIsNamed) {
    const std::string base = R"({"bundle": "/srv/web"})";
    EXPECT_EQ(error_of(parse(base, {{"a.json", "{}"}, {"b.json", R"({"autostart": 1})"}, {"c.json", "{}"}})),
              "b.json:1:2: /autostart: must be true or false");
    EXPECT_EQ(error_of(parse(base, {{"a.json", R"({"stop": {"sginal": "TERM"}})"}})),
              "a.json:1:11: /stop/sginal: is not a key of a definition");
    EXPECT_EQ(error_of(parse(base, {{"a.json", "[]"}})), "a.json: /: must be an object");
    EXPECT_TRUE(error_of(parse(base, {{"a.json", "{"}})).starts_with("a.json:1:"));
    EXPECT_EQ(error_of(parse(R"({"autostart": 1})", {{"a.json", R"({"autostart": true})"}})),
              std::string(kFile) + ":1:2: /autostart: must be true or false");
    EXPECT_EQ(error_of(parse(base, {{"a.json", R"({"bundle": null})"}})),
              std::string(kFile) + ": /bundle: is required");
}

TEST(DefinitionJson, WhatIsWrittenIsReadBack) {
    Definition d;
    d.bundle = "/srv/a b\"c";
    EXPECT_EQ(to_json(d), "{\n    \"bundle\": \"/srv/a b\\\"c\"\n}\n");
    d.autostart = d.remove_when_stopped = true;
    d.restart = {model::RestartWhen::unless_stopped, {"1", "HUP"}, {"3"}, 0.5, 1ms, 2ms, 3.25, 0, 4ms};
    d.scrollback = 12'288;
    d.stop_signal = "QUIT";
    d.default_seccomp = true;
    d.register_when = RegisterWhen::always;
    d.stop_timeout = 0ms;
    d.config_patch = R"({"process":{"env":["A=1"]},"hooks":null})";
    const auto back = parse(to_json(d)).value();
    EXPECT_EQ(back.bundle, d.bundle);
    EXPECT_TRUE(back.autostart && back.remove_when_stopped);
    EXPECT_EQ(back.restart.when, d.restart.when);
    EXPECT_EQ(back.restart.delay, d.restart.delay);
    EXPECT_EQ(back.restart.max_delay, d.restart.max_delay);
    EXPECT_EQ(back.restart.multiplier, d.restart.multiplier);
    EXPECT_EQ(back.restart.limit, d.restart.limit);
    EXPECT_EQ(back.restart.window, d.restart.window);
    EXPECT_EQ(back.scrollback, d.scrollback);
    EXPECT_EQ(back.stop_signal, d.stop_signal);
    EXPECT_TRUE(back.default_seccomp);
    EXPECT_EQ(back.register_when, d.register_when);
    EXPECT_EQ(back.stop_timeout, d.stop_timeout);
    EXPECT_EQ(back.config_patch, d.config_patch);
}

TEST(DefinitionJson, AnErrorSaysWhereItIs) {
    EXPECT_EQ(error_of(parse("{\n    \"bundle\": \"/x\",\n    \"stop\": {\n\n        \"sig\\\"nal\": 1 } }")),
              std::string(kFile) + ":5:9: /stop/sig\"nal: is not a key of a definition");
    EXPECT_EQ(error_of(parse("{\n    \"bundle\": \"/x\",\n    \"autostart\": 3\n}")),
              std::string(kFile) + ":3:5: /autostart: must be true or false");
    EXPECT_EQ(
        error_of(parse("{\n  \"bundle\": \"/x\"\n  \"autostart\": true }")).substr(0, std::string(kFile).size() + 5),
        std::string(kFile) + ":3:13");
}

TEST(DefinitionJson, TheTextOfEachValueIsOneThatTheKeyTakes) {
    Definition d;
    d.bundle = "/x";
    d.stop_signal = "QUIT";
    d.default_seccomp = true;
    d.config_patch = "{}";
    for (const auto& key : kKeys) EXPECT_EQ(broken_rule(key, value_text(key, d)), "") << key.name;
    for (const auto& key : kKeys) EXPECT_NE(broken_rule(key, "null"), "") << key.name;
}

TEST(DefinitionJson, ThePublishedSchemaIsThatOfTheTable) {
    if (const char* path = std::getenv("XCTL_UPDATE_SCHEMA")) std::ofstream(path) << definition_schema();
    std::stringstream text;
    text << std::ifstream(XCTL_SCHEMA).rdbuf();
    EXPECT_EQ(text.str(), definition_schema());
}

}  // namespace
}  // namespace xctl::definition
