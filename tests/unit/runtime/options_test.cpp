// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/options.hpp"

#include <gtest/gtest.h>

#include "runtime/xrun/state/record.hpp"

namespace xctl::runtime {
namespace {

Result<Command> parse(std::vector<const char*> words) { return parse_command(words); }

std::string message_of(std::vector<const char*> words) {
    const auto command = parse(std::move(words));
    return command ? "no error" : command.error().message;
}

TEST(Options, AsEnginesCallUs) {
    const auto command = parse({"--root", "/r", "--log=/l", "--log-format", "json", "create", "--bundle", "/b",
                                "--pid-file=/p", "c1"});
    ASSERT_TRUE(command);
    EXPECT_EQ(command->verb->name, "create");
    EXPECT_EQ(command->arguments.root, "/r");
    EXPECT_EQ(command->arguments.log, "/l");
    EXPECT_EQ(command->arguments.log_format, "json");
    EXPECT_EQ(command->arguments.bundle, "/b");
    EXPECT_EQ(command->arguments.pid_file, "/p");
    EXPECT_EQ(command->arguments.id(), "c1");
}

TEST(Options, ProgramsKeepTheirOwn) {
    const auto command = parse({"exec", "-t", "-e", "A=b", "c1", "ls", "-l", "--tty=false"});
    ASSERT_TRUE(command);
    EXPECT_TRUE(command->arguments.tty);
    EXPECT_EQ(command->arguments.env, std::vector<std::string>{"A=b"});
    EXPECT_EQ(command->arguments.words, (std::vector<std::string>{"c1", "ls", "-l", "--tty=false"}));
}

TEST(Options, AfterTheWordsAndAsLetters) {
    EXPECT_TRUE(parse({"delete", "c1", "--force"})->arguments.force);
    EXPECT_TRUE(parse({"delete", "-f", "c1"})->arguments.force);
    EXPECT_EQ(parse({"list", "-f", "json"})->arguments.format, "json");
    const auto both = parse({"exec", "-dt", "-u1:2", "c1", "x"});
    EXPECT_TRUE(both->arguments.detach && both->arguments.tty);
    EXPECT_EQ(both->arguments.user, "1:2");
    EXPECT_FALSE(parse({"exec", "--tty=false", "c1", "x"})->arguments.tty);
}

TEST(Options, EverythingElseIsRefusedByName) {
    EXPECT_EQ(parse({"nonsense"}).error().code, Errc::not_found);
    EXPECT_EQ(message_of({"create", "--nonsense", "c1"}), "flag provided but not defined: --nonsense");
    EXPECT_EQ(message_of({"create", "--bundle"}), "flag needs an argument: --bundle");
    EXPECT_EQ(message_of({"state"}), "xrun: \"state\" requires exactly 1 argument(s)");
    EXPECT_EQ(message_of({"state", "a", "b"}), "xrun: \"state\" requires exactly 1 argument(s)");
    EXPECT_NE(message_of({}), "no error");
    EXPECT_NE(message_of({"exec", "--tty=maybe", "c1"}), "no error");
}

TEST(Options, HelpHasEveryRow) {
    const auto all = help_text("xrun", nullptr);
    for (const auto& verb : verbs()) {
        EXPECT_TRUE(all.contains(verb.name)) << verb.name;
        const auto text = help_text("xrun", &verb);
        for (const auto& option : verb.options) EXPECT_TRUE(text.contains(option.name)) << option.name;
    }
    for (const auto& option : global_options()) EXPECT_TRUE(all.contains(option.name)) << option.name;
}

TEST(Record, SurvivesItsFile) {
    Record record;
    record.id = "c1";
    record.bundle = "/b \"quoted\"";
    record.annotations = {{"a", "b"}};
    record.pid = 42;
    record.start_time = 1ULL << 40;
    record.cgroup = "/x";
    const auto copy = parse_record(to_json(record));
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->bundle, record.bundle);
    EXPECT_EQ(copy->annotations, record.annotations);
    EXPECT_EQ(copy->pid, 42);
    EXPECT_EQ(copy->start_time, record.start_time);
    EXPECT_FALSE(parse_record("{"));
    EXPECT_FALSE(parse_record("[]"));
}

TEST(Record, ANumberThatDoesNotFitIsNoOther) {
    for (const char* text : {R"({"pid": 4294967297})", R"({"pid": -1})", R"({"pid": 1e300})", R"({"pid": "1"})"})
        EXPECT_EQ(parse_record(text).value().pid, 0) << text;
    EXPECT_EQ(parse_record(R"({"startTime": -1})").value().start_time, 0U);
}

}  // namespace
}  // namespace xctl::runtime
