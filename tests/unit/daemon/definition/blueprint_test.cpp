// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/definition/blueprint.hpp"

#include <gtest/gtest.h>

#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::definition {
namespace {

constexpr const char* kConfig = R"({
    "ociVersion": "1.2.0", "root": {"path": "rootfs"},
    "process": {"args": ["/bin/one"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
    "linux": {"namespaces": [{"type": "mount"}]}
})";

class BlueprintsTest : public testing::Test {
protected:
    void SetUp() override {
        directory_.write("config.json", kConfig);
        definition_.bundle = directory_.path();
    }
    std::shared_ptr<const Blueprint> get(const std::vector<std::string>& args = {}) {
        auto found = blueprints_.of_container(id_, definition_, args);
        EXPECT_TRUE(found) << found.error().message;
        return found.value_or(nullptr);
    }

    test::TemporaryDirectory directory_;
    ContainerId id_ = ContainerId::parse("web").value();
    Definition definition_;
    Blueprints blueprints_;
};

TEST_F(BlueprintsTest, AreTheSameAsThoseThatAreCompiledAnew) {
    const auto anew = compile_container(id_, definition_, {"/bin/two"});
    ASSERT_TRUE(anew);
    const auto known = get({"/bin/two"});
    ASSERT_TRUE(known);
    EXPECT_EQ(known->document, anew->document);
    EXPECT_EQ(known->plan.process.args, anew->plan.process.args);
}

TEST_F(BlueprintsTest, AreMadeOnceForTheSameSource) {
    const auto first = get();
    EXPECT_EQ(get(), first);
    const auto whole = blueprints_.of_whole(id_, first->document);
    ASSERT_TRUE(whole);
    EXPECT_EQ(blueprints_.of_whole(id_, first->document).value(), *whole);
}

TEST_F(BlueprintsTest, ChangeWithEachSource) {
    const auto first = get();
    EXPECT_NE(get({"/bin/two"}), first);
    EXPECT_EQ(get({"/bin/two"})->plan.process.args, std::vector<std::string>{"/bin/two"});
    definition_.config_patch = R"({"process": {"cwd": "/tmp"}})";
    EXPECT_NE(get(), first);
    definition_.config_patch = "";
    EXPECT_EQ(get(), first);
    id_ = ContainerId::parse("other").value();
    EXPECT_EQ(get()->plan.id, "other");

    std::string changed = kConfig;
    changed.replace(changed.find("one"), 3, "new");
    directory_.write("config.json", changed);
    EXPECT_EQ(get()->plan.process.args, std::vector<std::string>{"/bin/new"});
}

TEST_F(BlueprintsTest, OfDevicesAreMadeEachTime) {
    definition_.devices = {"/dev/null"};
    EXPECT_NE(get(), get());
    const auto whole = blueprints_.of_whole(id_, get()->document);
    ASSERT_TRUE(whole);
    EXPECT_NE(blueprints_.of_whole(id_, get()->document).value(), *whole);
}

TEST_F(BlueprintsTest, AFaultOfTheDefinitionIsNotBlamedOnTheBundle) {
    definition_.config_patch = R"({"process": {"cwd": "tmp"}})";
    const auto file = directory_.path().string() + "/config.json: /process/cwd: ";
    auto error = blueprints_.of_container(id_, definition_, {}).error().message;
    EXPECT_TRUE(error.starts_with("\"config\" of the definition, over " + file)) << error;
    std::string broken = kConfig;
    broken.replace(broken.find("\"/bin/one\""), 10, "1");
    directory_.write("config.json", broken);
    error = blueprints_.of_container(id_, definition_, {}).error().message;
    EXPECT_TRUE(error.starts_with(directory_.path().string() + "/config.json: /process/args")) << error;
}

TEST_F(BlueprintsTest, AreNotKeptOfWhatIsWrong) {
    ASSERT_TRUE(get());
    directory_.write("config.json", "{");
    const auto broken = blueprints_.of_container(id_, definition_, {});
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, Errc::invalid_document);
    std::filesystem::remove(directory_.path() / "config.json");
    EXPECT_EQ(blueprints_.of_container(id_, definition_, {}).error().code, Errc::invalid_document);
}

}  // namespace
}  // namespace xctl::definition
