// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line, good and bad.
#include "client/arguments.hpp"

#include <gtest/gtest.h>

#include "client/help.hpp"

namespace xctl::client {
namespace {

using Words = std::vector<const char*>;

Command parsed(const Words& words) {
    const api::VerbRow* verb = nullptr;
    auto command = parse_arguments(words, verb);
    EXPECT_TRUE(command) << command.error().message;
    return command ? *command : Command{};
}

std::string refused(const Words& words) {
    const api::VerbRow* verb = nullptr;
    const auto command = parse_arguments(words, verb);
    if (command) return "accepted";
    EXPECT_EQ(command.error().code, Errc::invalid_argument);
    return command.error().message;
}

/// The request of type T that the words make.
template <class T>
T arguments(const Words& words) {
    return parsed(words).request.as<T>();
}

TEST(Arguments, PositionalsInTheOrderOfTheRows) {
    const auto command = parsed({"create", "web", "/srv/web"});
    EXPECT_EQ(command.verb->value, api::Verb::create);
    EXPECT_EQ(command.request.as<api::CreateRequest>().name, "web");
    EXPECT_EQ(command.request.as<api::CreateRequest>().bundle, "/srv/web");
}

TEST(Arguments, OptionsStandBeforeOrAfter) {
    for (const Words& words : {Words{"create", "--autostart", "--restart=always", "web", "/b"},
                               Words{"create", "web", "--restart", "always", "/b", "--autostart"}}) {
        const auto create = arguments<api::CreateRequest>(words);
        EXPECT_TRUE(create.autostart);
        EXPECT_EQ(create.restart, "always");
        EXPECT_EQ(create.bundle, "/b");
    }
}

TEST(Arguments, LettersWithTheirValueAttachedOrNot) {
    EXPECT_EQ(arguments<api::StopRequest>({"stop", "-t5", "web"}).timeout_usec, 5'000'000);
    EXPECT_EQ(arguments<api::StopRequest>({"stop", "-t", "1min", "web"}).timeout_usec, 60'000'000);
    const auto logs = arguments<api::LogsRequest>({"logs", "-fn", "7", "web"});
    EXPECT_TRUE(logs.follow);
    EXPECT_EQ(logs.lines, 7);
}

TEST(Arguments, SizesAndCounts) {
    EXPECT_EQ(arguments<api::CreateRequest>({"create", "web", "/b", "--scrollback=4M"}).scrollback, 4u << 20);
    EXPECT_EQ(arguments<api::AttachRequest>({"attach", "web", "--offset=0"}).offset, 0);
    EXPECT_EQ(arguments<api::AttachRequest>({"attach", "web"}).offset, std::nullopt);
}

TEST(Arguments, NothingIsAnOptionAfterTwoDashes) {
    const auto command = parsed({"run", "web", "/b", "-d", "--", "sh", "-c", "--", "--rm"});
    const auto& run = command.request.as<api::RunRequest>();
    EXPECT_EQ(run.args, (std::vector<std::string>{"sh", "-c", "--", "--rm"}));
    EXPECT_TRUE(command.options.detach);
    EXPECT_FALSE(run.remove);
    EXPECT_EQ(arguments<api::KillRequest>({"kill", "--", "web", "HUP"}).signal, "HUP");
}

TEST(Arguments, ClientOptionsBelongToTheirVerbs) {
    EXPECT_TRUE(parsed({"list", "--json"}).options.json);
    EXPECT_EQ(parsed({"attach", "web", "--detach-keys", "a,b"}).options.detach_keys, "a,b");
    EXPECT_EQ(parsed({"attach", "web", "--detach-keys="}).options.detach_keys, "");
    EXPECT_TRUE(parsed({"--no-ask-password", "list"}).options.no_ask_password);
    EXPECT_EQ(refused({"stop", "--json", "web"}), "stop: unknown option \"--json\"; see xctl help stop");
}

TEST(Arguments, HelpNeedsNoArguments) {
    EXPECT_EQ(parsed({"help", "run"}).verb->value, api::Verb::run);
    EXPECT_TRUE(parsed({"help", "run"}).options.help);
    EXPECT_TRUE(parsed({"run", "-h"}).options.help);
    EXPECT_EQ(parsed({"--help"}).verb, nullptr);
    EXPECT_TRUE(parsed({"--version"}).options.version);
}

TEST(Arguments, ErrorsNameTheWord) {
    EXPECT_EQ(refused({}), "the verb is missing; see xctl help");
    EXPECT_EQ(refused({"frob"}), "unknown verb \"frob\"; see xctl help");
    EXPECT_EQ(refused({"create", "web"}), "create: BUNDLE is missing; see xctl help create");
    EXPECT_EQ(refused({"create", "web", ""}), "create: BUNDLE is empty; see xctl help create");
    EXPECT_EQ(refused({"start", "web", "x"}), "start: unexpected argument \"x\"; see xctl help start");
    EXPECT_EQ(refused({"stop", "web", "-x"}), "stop: unknown option \"-x\"; see xctl help stop");
    EXPECT_EQ(refused({"stop", "web", "-t"}), "stop: --timeout needs a value; see xctl help stop");
    EXPECT_EQ(refused({"delete", "web", "--force=1"}), "delete: --force takes no value; see xctl help delete");
    EXPECT_EQ(refused({"stop", "web", "-tsoon"}),
              "stop: --timeout: \"soon\" is not a time span; write for example 90s, 1min 30s or 2h; "
              "see xctl help stop");
}

TEST(Arguments, NoValueIsEmpty) {
    EXPECT_EQ(refused({"list", "-H", ""}), "list: the value of --host is empty; see xctl help list");
    EXPECT_EQ(refused({"--host=", "list"}), "the value of --host is empty; see xctl help");
    EXPECT_EQ(refused({"attach", "web", "--exec", ""}), "attach: the value of --exec is empty; see xctl help attach");
    EXPECT_EQ(refused({"exec", "web", "-w", "", "--", "ls"}), "exec: the value of --cwd is empty; see xctl help exec");
    EXPECT_EQ(refused({"exec", "web", "--env=", "--", "ls"}), "exec: the value of --env is empty; see xctl help exec");
    // Each option that takes one, but for keys to detach: there may be none.
    for (const auto& verb : api::kVerbs)
        for (const auto& param : verb.params) {
            if (!is_option(param) || param.kind == api::ParamKind::flag) continue;
            const auto option = std::string(param.option) + "=";
            EXPECT_NE(refused({std::string(verb.name).c_str(), option.c_str()}), "accepted") << verb.name << option;
        }
}

TEST(Arguments, NoVariableIsEmpty) {
    ::setenv("XCTL_HOST", "", 1);
    EXPECT_EQ(refused({"list"}), "the variable XCTL_HOST is empty: set it to a value or unset it");
    ::setenv("XCTL_HOST", "there", 1);
    EXPECT_EQ(parsed({"list"}).options.host, "there");
    ::unsetenv("XCTL_HOST");
    ::setenv("XCTL_DETACH_KEYS", "", 1);
    EXPECT_EQ(parsed({"attach", "web"}).options.detach_keys, "");
    ::unsetenv("XCTL_DETACH_KEYS");
}

TEST(Arguments, ListsGrowAndRequiredWordsMustBeThere) {
    const auto exec = arguments<api::ExecRequest>({"exec", "-e", "A=1", "web", "--env=B=2", "-it", "--", "ls", "-l"});
    EXPECT_EQ(exec.env, (std::vector<std::string>{"A=1", "B=2"}));
    EXPECT_EQ(exec.command, (std::vector<std::string>{"ls", "-l"}));
    EXPECT_TRUE(exec.input && exec.terminal);
    EXPECT_EQ(refused({"exec", "web"}), "exec: -- COMMAND is missing; see xctl help exec");
    EXPECT_EQ(refused({"exec", "web", "--"}), "exec: -- COMMAND is missing; see xctl help exec");
    EXPECT_EQ(refused({"exec", "web", "ls"}), "exec: unexpected argument \"ls\"; see xctl help exec");
}

TEST(Arguments, WireOnlyParametersAreNotOptions) {
    EXPECT_EQ(refused({"attach", "web", "--framed"}), "attach: unknown option \"--framed\"; see xctl help attach");
    EXPECT_EQ(refused({"attach", "web", "-"}), "attach: unexpected argument \"-\"; see xctl help attach");
}

TEST(Arguments, WordsThatAreLeftGoToWhatTakesThem) {
    const auto set = arguments<api::SetRequest>({"set", "web", "a=1", "--runtime", "b=2"});
    EXPECT_EQ(set.name, "web");
    EXPECT_EQ(set.settings, (std::vector<std::string>{"a=1", "b=2"}));
    EXPECT_TRUE(set.runtime);
    EXPECT_EQ(arguments<api::SetRequest>({"set", "web", "--", "--a=1"}).settings, (std::vector<std::string>{"--a=1"}));
    EXPECT_EQ(refused({"set", "web"}), "set: KEY=VALUE... is missing; see xctl help set");
}

TEST(Arguments, PathsBecomeAbsolute) {
    EXPECT_EQ(absolute_path("/a//b/./c/", "/x"), "/a/b/c");
    EXPECT_EQ(absolute_path("b/../c", "/x/y"), "/x/y/b/../c");
    EXPECT_EQ(absolute_path(".", "/x"), "/x");
    EXPECT_EQ(absolute_path("/", "/x"), "/");
    EXPECT_TRUE(arguments<api::CreateRequest>({"create", "web", "."}).bundle.starts_with('/'));
}

TEST(Help, ShowsEveryVerbAndOptionOnce) {
    for (const auto& verb : api::kVerbs) {
        const auto* group = find_row(api::kGroups, verb.group);
        const auto all = group != nullptr ? help_of(*group) : help_of();
        EXPECT_NE(all.find(verb.help), std::string::npos) << verb.name;
        const auto one = help_of(verb);
        for (const auto& param : verb.params)
            EXPECT_EQ(one.find(param.help) != std::string::npos, param.option != api::kWireOnly) << param.name;
    }
}

/// A table with a group, whose verbs have names that others have as well.
constexpr auto kTestVerbs = std::to_array<api::VerbRow>({
    {api::Verb::list, "list", "List", "inspect", {}, {}, "List containers"},
    {api::Verb::start, "pull", "PullImage", "manage", api::rows::kStart, {}, "Fetch an image", "image"},
    {api::Verb::list, "list", "ListImages", "inspect", {}, {}, "List images", "image"},
});
constexpr auto kTestGroups = std::to_array<api::GroupRow>({{"image", "Fetch and list images"}});
constexpr api::VerbTable kTestTable{kTestVerbs, kTestGroups};
static_assert(api::is_unambiguous(kTestTable) && api::groups_are_complete(kTestTable));

Result<Command> parse_grouped(const Words& words) {
    const api::VerbRow* verb = nullptr;
    return parse_arguments(words, verb, kTestTable);
}

TEST(Groups, ATwoWordVerbIsFoundInItsGroup) {
    const auto pull = parse_grouped({"image", "pull", "web", "--", "sh"});
    ASSERT_TRUE(pull) << pull.error().message;
    EXPECT_EQ(pull->verb, &kTestVerbs[1]);
    EXPECT_EQ(pull->request.as<api::StartRequest>().name, "web");
    EXPECT_EQ(pull->request.as<api::StartRequest>().args, std::vector<std::string>{"sh"});
    EXPECT_EQ(parse_grouped({"image", "list"})->verb, &kTestVerbs[2]);
    EXPECT_EQ(parse_grouped({"list"})->verb, &kTestVerbs[0]);
    EXPECT_EQ(parse_grouped({"pull", "web"}).error().message, "unknown verb \"pull\"; see xctl help");
}

TEST(Groups, AGroupAloneAsksForItsHelp) {
    for (const Words& words : {Words{"image"}, Words{"help", "image"}, Words{"image", "--help"}}) {
        const auto command = parse_grouped(words);
        ASSERT_TRUE(command) << command.error().message;
        EXPECT_TRUE(command->options.help);
        EXPECT_EQ(command->verb, nullptr);
        EXPECT_EQ(command->group, kTestGroups.data());
    }
    EXPECT_EQ(parse_grouped({"help", "image", "pull"})->verb, &kTestVerbs[1]);
    EXPECT_EQ(parse_grouped({"image", "list", "-h"})->verb, &kTestVerbs[2]);
}

TEST(Groups, ErrorsNameBothWords) {
    EXPECT_EQ(parse_grouped({"image", "frob"}).error().message,
              "image: unknown verb \"frob\"; see xctl help image");
    EXPECT_EQ(parse_grouped({"image", "pull"}).error().message,
              "image pull: NAME is missing; see xctl help image pull");
}

TEST(Groups, HelpShowsAGroupAsOneLineAndItsVerbsApart) {
    const auto all = help_of(kTestTable);
    EXPECT_NE(all.find("\n  image VERB        Fetch and list images\n"), std::string::npos) << all;
    EXPECT_EQ(all.find("Fetch an image"), std::string::npos) << all;
    const auto group = help_of(kTestGroups[0], kTestTable);
    EXPECT_NE(group.find("Usage: xctl image VERB"), std::string::npos) << group;
    EXPECT_NE(group.find("image pull NAME [-- ARGS...]  Fetch an image\n"), std::string::npos) << group;
    EXPECT_EQ(group.find("List containers"), std::string::npos) << group;
    EXPECT_EQ(usage_of(kTestVerbs[1]), "image pull NAME [-- ARGS...]");
}

/// Tables that the static assertions of api/verbs.hpp would refuse.
TEST(Groups, AmbiguousTablesAreRefused) {
    const auto row = [](std::string_view name, std::string_view method, std::string_view group) {
        return api::VerbRow{api::Verb::list, name, method, "inspect", {}, {}, "List", group};
    };
    const auto sound = [](std::vector<api::VerbRow> verbs, std::vector<api::GroupRow> groups) {
        return api::is_unambiguous({verbs, groups}) && api::groups_are_complete({verbs, groups});
    };
    EXPECT_TRUE(sound({row("list", "List", ""), row("list", "ListImages", "image")}, {{"image", ""}}));
    EXPECT_FALSE(sound({row("list", "List", ""), row("list", "List", "image")}, {{"image", ""}}));
    EXPECT_FALSE(sound({row("list", "A", "image"), row("list", "B", "image")}, {{"image", ""}}));
    EXPECT_FALSE(sound({row("image", "A", ""), row("list", "B", "image")}, {{"image", ""}}));
    EXPECT_FALSE(sound({row("list", "A", "image")}, {{"image", ""}, {"image", ""}}));
    EXPECT_FALSE(sound({row("list", "A", "image")}, {}));
    EXPECT_FALSE(sound({row("list", "A", "")}, {{"image", ""}}));
}

TEST(Help, UsageHasRequiredFirst) {
    EXPECT_EQ(usage_of(api::verb_row(api::Verb::kill)), "kill NAME [SIGNAL] [OPTION]...");
    EXPECT_EQ(usage_of(api::verb_row(api::Verb::start)), "start NAME [-- ARGS...]");
    EXPECT_EQ(usage_of(api::verb_row(api::Verb::exec)), "exec NAME [OPTION]... -- COMMAND...");
    EXPECT_EQ(usage_of(api::verb_row(api::Verb::set)), "set NAME KEY=VALUE... [OPTION]...");
}

}  // namespace
}  // namespace xctl::client
