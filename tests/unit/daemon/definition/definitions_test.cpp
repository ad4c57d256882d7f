// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/definitions.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::definition {
namespace {

using Names = std::vector<std::string>;

ContainerId name(std::string_view text) { return ContainerId::parse(text).value(); }

class DefinitionsTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& file) const { return directory_.path() / file; }
    [[nodiscard]] bool exists(const std::string& file) const { return std::filesystem::exists(path(file)); }
    [[nodiscard]] Names list() const {
        Names names;
        for (const auto& id : definitions_.list()) names.push_back(id.str());
        return names;
    }
    [[nodiscard]] Definition load(std::string_view id) const {
        auto definition = definitions_.load(name(id));
        EXPECT_TRUE(definition) << definition.error().message;
        return definition.value_or(Definition{});
    }

    test::TemporaryDirectory directory_;
    Definitions definitions_{{path("etc"), path("run"), path("usr")}};
};

TEST_F(DefinitionsTest, WithoutDirectoriesThereIsNothing) {
    EXPECT_EQ(list(), Names{});
    EXPECT_FALSE(definitions_.exists(name("web")));
    const auto none = definitions_.load(name("web"));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::not_found);
    EXPECT_EQ(none.error().message, "no container \"web\"");
    EXPECT_EQ(definitions_.set_autostart(name("web"), true).error().code, Errc::not_found);
    EXPECT_TRUE(definitions_.remove(name("web")));
}

TEST_F(DefinitionsTest, AllDirectoriesAreListedOnce) {
    directory_.write("etc/web.json", "{}");
    directory_.write("run/job.json", "not even JSON");
    directory_.write("usr/web.json", "{}");
    directory_.write("usr/db.json", "{}");
    directory_.write("usr/readme.txt", "");
    directory_.write("usr/bad name.json", "{}");
    directory_.write("usr/.json", "{}");
    directory_.write("etc/lonely.json.d/10.json", "{}");
    const Names wanted{"db", "job", "web"};
    EXPECT_EQ(list(), wanted);
    EXPECT_TRUE(definitions_.exists(name("db")));
    EXPECT_FALSE(definitions_.exists(name("lonely")));
}

TEST_F(DefinitionsTest, TheFirstFileCounts) {
    directory_.write("usr/web.json", R"({"bundle": "/usr"})");
    EXPECT_EQ(load("web").bundle, "/usr");
    directory_.write("run/web.json", R"({"bundle": "/run"})");
    EXPECT_EQ(load("web").bundle, "/run");
    directory_.write("etc/web.json", R"({"bundle": "/etc"})");
    EXPECT_EQ(load("web").bundle, "/etc");
}

TEST_F(DefinitionsTest, DropInsAreOrderedByNameWhereverTheyAre) {
    directory_.write("usr/web.json", R"({"bundle": "/b", "restart": {"limit": 1}})");
    directory_.write("etc/web.json.d/20.json", R"({"restart": {"limit": 2}})");
    EXPECT_EQ(load("web").restart.limit, 2u);
    directory_.write("usr/web.json.d/30.json", R"({"restart": {"limit": 3}})");
    EXPECT_EQ(load("web").restart.limit, 3u);
    directory_.write("run/web.json.d/25.json", R"({"restart": {"limit": 4}, "autostart": true})");
    EXPECT_EQ(load("web").restart.limit, 3u);
    EXPECT_TRUE(load("web").autostart);
    directory_.write("usr/web.json.d/99.conf", R"({"restart": {"limit": 5}})");
    EXPECT_EQ(load("web").restart.limit, 3u);
}

TEST_F(DefinitionsTest, ADropInReplacesTheOneOfItsNameBelow) {
    directory_.write("usr/web.json", R"({"bundle": "/b"})");
    directory_.write("usr/web.json.d/10.json", R"({"autostart": true, "restart": {"limit": 1}})");
    directory_.write("run/web.json.d/10.json", R"({"restart": {"limit": 2}})");
    EXPECT_FALSE(load("web").autostart);
    EXPECT_EQ(load("web").restart.limit, 2u);
    directory_.write("etc/web.json.d/10.json", "{}");
    EXPECT_EQ(load("web").restart.limit, 20u);
}

TEST_F(DefinitionsTest, AWrongDropInIsNamed) {
    directory_.write("etc/web.json", R"({"bundle": "/b"})");
    directory_.write("run/web.json.d/10.json", R"({"restrat": {}})");
    const auto loaded = definitions_.load(name("web"));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::invalid_document);
    EXPECT_EQ(loaded.error().message, path("run/web.json.d/10.json") + ":1:2: /restrat: is not a key of a definition");
}

TEST_F(DefinitionsTest, SavedForGoodOrForThisBoot) {
    Definition definition;
    definition.bundle = "/srv/web";
    ASSERT_TRUE(definitions_.save(name("web"), definition, Definitions::Lifetime::lasting));
    definition.remove_when_stopped = true;
    ASSERT_TRUE(definitions_.save(name("job"), definition, Definitions::Lifetime::this_boot));
    EXPECT_TRUE(exists("etc/web.json"));
    EXPECT_TRUE(exists("run/job.json"));
    EXPECT_EQ(load("web").bundle, "/srv/web");
    EXPECT_TRUE(load("job").remove_when_stopped);
}

TEST_F(DefinitionsTest, OurOwnFilesAreRemovedWithTheirDropIns) {
    for (const auto* place : {"etc", "run"}) {
        directory_.write(std::string(place) + "/web.json", R"({"bundle": "/b"})");
        directory_.write(std::string(place) + "/web.json.d/10.json", "{}");
        directory_.write(std::string(place) + "/webserver.json", R"({"bundle": "/b"})");
    }
    ASSERT_TRUE(definitions_.remove(name("web")));
    EXPECT_EQ(list(), Names{"webserver"});
    EXPECT_FALSE(exists("etc/web.json.d"));
    EXPECT_FALSE(exists("run/web.json.d"));
}

TEST_F(DefinitionsTest, APackagesFileStays) {
    directory_.write("usr/web.json", R"({"bundle": "/usr"})");
    directory_.write("usr/web.json.d/10.json", "{}");
    const auto removed = definitions_.remove(name("web"));
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, Errc::denied);
    EXPECT_EQ(removed.error().message,
              "the definition of \"web\" in " + path("usr") + " belongs to a package and stays");
    EXPECT_TRUE(exists("usr/web.json"));
    EXPECT_TRUE(exists("usr/web.json.d/10.json"));
}

TEST_F(DefinitionsTest, AutostartIsSetInTheFileItself) {
    directory_.write("etc/web.json", R"({"bundle": "/b", "stop": {"signal": "QUIT"}})");
    ASSERT_TRUE(definitions_.set_autostart(name("web"), true));
    EXPECT_TRUE(load("web").autostart);
    EXPECT_EQ(load("web").stop_signal, "QUIT");
    EXPECT_FALSE(exists("etc/web.json.d"));
    ASSERT_TRUE(definitions_.set_autostart(name("web"), false));
    EXPECT_FALSE(load("web").autostart);
}

TEST_F(DefinitionsTest, AutostartOfARunFileEndsWithTheBoot) {
    directory_.write("run/web.json", R"({"bundle": "/b"})");
    ASSERT_TRUE(definitions_.set_autostart(name("web"), true));
    EXPECT_TRUE(load("web").autostart);
    EXPECT_FALSE(exists("etc"));
}

TEST_F(DefinitionsTest, AutostartOfAPackagesFileIsADropIn) {
    const std::string vendor = R"({"bundle": "/b", "autostart": true})";
    directory_.write("usr/web.json", vendor);
    ASSERT_TRUE(definitions_.set_autostart(name("web"), false));
    EXPECT_FALSE(load("web").autostart);
    EXPECT_EQ(directory_.read("usr/web.json"), vendor);
    EXPECT_EQ(directory_.read("etc/web.json.d/50-set.json"), "{\n    \"autostart\": false\n}\n");
    ASSERT_TRUE(definitions_.set_autostart(name("web"), true));
    EXPECT_TRUE(load("web").autostart);
}

TEST_F(DefinitionsTest, AutostartWinsOverDropIns) {
    directory_.write("etc/web.json", R"({"bundle": "/b"})");
    directory_.write("etc/web.json.d/10.json", R"({"autostart": false, "restart": {"limit": 3}})");
    ASSERT_TRUE(definitions_.set_autostart(name("web"), true));
    EXPECT_TRUE(load("web").autostart);
    EXPECT_EQ(load("web").restart.limit, 3u);
}

TEST_F(DefinitionsTest, WhatIsSetGoesIntoADropInOfItsOwn) {
    directory_.write("usr/web.json", R"({"bundle": "/b"})");
    const auto lasting = definitions_.file_to_set(name("web"), Definitions::Lifetime::lasting).value();
    const auto runtime = definitions_.file_to_set(name("web"), Definitions::Lifetime::this_boot).value();
    EXPECT_EQ(lasting, path("etc/web.json.d/50-set.json"));
    EXPECT_EQ(runtime, path("run/web.json.d/60-set-runtime.json"));
    ASSERT_TRUE(definitions_.write({lasting, R"({"restart": {"limit": 1}})"}));
    ASSERT_TRUE(definitions_.write({runtime, R"({"restart": {"limit": 2}})"}));
    EXPECT_EQ(load("web").restart.limit, 2u);
    definitions_.remove_runtime(name("web"));
    EXPECT_EQ(load("web").restart.limit, 1u);
    EXPECT_FALSE(exists("run/web.json.d"));
}

TEST_F(DefinitionsTest, WhatIsSetForADefinitionOfThisBootEndsWithIt) {
    directory_.write("run/web.json", R"({"bundle": "/b"})");
    EXPECT_EQ(definitions_.file_to_set(name("web"), Definitions::Lifetime::lasting).value(),
              path("run/web.json.d/50-set.json"));
    EXPECT_EQ(definitions_.file_to_set(name("db"), Definitions::Lifetime::lasting).error().code, Errc::not_found);
}

TEST_F(DefinitionsTest, EditingAPackagesFileMakesOneOfOurs) {
    directory_.write("usr/web.json", R"({"bundle": "/usr"})");
    const auto file = definitions_.file_to_edit(name("web"), "").value();
    EXPECT_EQ(file, path("etc/web.json"));
    EXPECT_EQ(definitions_.text_to_edit(name("web"), file).value(), R"({"bundle": "/usr"})");
    EXPECT_EQ(definitions_.file_to_edit(name("web"), "10-x").value(), path("etc/web.json.d/10-x.json"));
    EXPECT_EQ(definitions_.file_to_edit(name("web"), "10-x.json").value(), path("etc/web.json.d/10-x.json"));
    EXPECT_EQ(definitions_.text_to_edit(name("web"), path("etc/web.json.d/10-x.json")).value(), "");
    for (const auto* bad : {"../x", "a/b", ".hidden"})
        EXPECT_EQ(definitions_.file_to_edit(name("web"), bad).error().code, Errc::invalid_argument) << bad;
    EXPECT_EQ(definitions_.file_to_edit(name("db"), "").error().code, Errc::not_found);
}

TEST_F(DefinitionsTest, AFileCanBeTriedBeforeItIsWritten) {
    directory_.write("usr/web.json", R"({"bundle": "/usr"})");
    directory_.write("run/web.json.d/10.json", R"({"restart": {"limit": 3}})");
    const NamedText hiding{path("etc/web.json.d/10.json"), R"({"restart": {"limit": 4}})"};
    EXPECT_EQ(parse_definition(definitions_.read(name("web"), &hiding).value()).value().restart.limit, 4u);
    const NamedText base{path("etc/web.json"), R"({"bundle": "/etc"})"};
    EXPECT_EQ(parse_definition(definitions_.read(name("web"), &base).value()).value().bundle, "/etc");
    EXPECT_EQ(load("web").bundle, "/usr");
}

TEST_F(DefinitionsTest, TheStampTellsEveryChange) {
    std::set<std::string> stamps{definitions_.stamp(name("web"))};
    const auto changed = [&](const std::string& file, const std::string& text) {
        ASSERT_TRUE(definitions_.write({path(file), text}));
        EXPECT_TRUE(stamps.insert(definitions_.stamp(name("web"))).second) << file << ": " << text;
        EXPECT_EQ(definitions_.stamp(name("web"), *definitions_.survey()), definitions_.stamp(name("web")));
    };
    changed("usr/web.json", R"({"bundle": "/a"})");
    changed("usr/web.json", R"({"bundle": "/b"})");
    changed("run/web.json.d/10.json", "{}");
    changed("etc/web.json", R"({"bundle": "/b"})");
    EXPECT_EQ(definitions_.stamp(name("web")), definitions_.stamp(name("web")));
}

TEST_F(DefinitionsTest, WhatIsNoFileIsThereAndRefused) {
    directory_.write("usr/web.json", R"({"bundle": "/srv"})");
    directory_.write("etc/other", "");
    ASSERT_EQ(::mkfifo(path("etc/web.json").c_str(), 0600), 0);
    std::filesystem::create_symlink("self.json", path("etc/self.json"));
    std::filesystem::create_symlink("nothing", path("etc/lost.json"));
    for (const auto* id : {"web", "self", "lost"}) EXPECT_TRUE(definitions_.exists(name(id))) << id;
    EXPECT_EQ(definitions_.load(name("web")).error().message, path("etc/web.json") + ": is not a regular file");
    EXPECT_EQ(definitions_.load(name("self")).error().sys_errno, ELOOP);
    EXPECT_EQ(definitions_.load(name("lost")).error().sys_errno, ENOENT);
    // A drop-in as well, and it is not read when it is to be edited.
    directory_.write("etc/db.json", R"({"bundle": "/srv"})");
    directory_.write("etc/db.json.d/10.json", "{}");
    ASSERT_EQ(::mkfifo(path("etc/db.json.d/20.json").c_str(), 0600), 0);
    EXPECT_EQ(definitions_.load(name("db")).error().message, path("etc/db.json.d/20.json") + ": is not a regular file");
    EXPECT_FALSE(definitions_.text_to_edit(name("db"), path("etc/db.json.d/20.json")));
}

}  // namespace
}  // namespace xctl::definition
