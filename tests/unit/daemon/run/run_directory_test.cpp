// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/run_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/daemon/model/records.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::run {
namespace {

using namespace test;

class RunDirectoryTest : public testing::Test {
protected:
    [[nodiscard]] std::string base() const { return directory_.path() / "run/xctl"; }
    [[nodiscard]] RunDirectory open() const { return RunDirectory::open(base(), id_).value(); }

    TemporaryDirectory directory_;
    ContainerId id_ = ContainerId::parse("web").value();
};

TEST_F(RunDirectoryTest, IsMadeWithItsParents) {
    const auto run = open();
    expect_fresh(run.load());
    const auto status = std::filesystem::status(base() + "/web");
    EXPECT_TRUE(std::filesystem::is_directory(status));
    EXPECT_EQ(status.permissions(), std::filesystem::perms::owner_all);
    EXPECT_TRUE(RunDirectory::open(base(), id_));
}

TEST_F(RunDirectoryTest, KeepsTheRecord) {
    ASSERT_TRUE(open().save(full_record()));
    EXPECT_EQ(to_json(open().load()), to_json(full_record()));
    ASSERT_TRUE(open().save(model::Record{}));
    expect_fresh(open().load());
}

TEST_F(RunDirectoryTest, ADamagedRecordGivesAFreshOne) {
    for (const auto& text : {std::string(), std::string("{\"machine\""), to_json(full_record()).substr(0, 100)}) {
        directory_.write("run/xctl/web/record.json", text);
        expect_fresh(open().load());
    }
}

TEST_F(RunDirectoryTest, EveryFreshRecordBeginsALife) {
    const auto one = open().load().life, other = open().load().life;
    EXPECT_EQ(one.size(), 16u);
    EXPECT_NE(one, other);
    ASSERT_TRUE(open().save(open().load()));
    EXPECT_EQ(open().load().life, open().load().life);
}

TEST_F(RunDirectoryTest, ListsWhatHasAName) {
    (void)open();
    directory_.write("run/xctl/.x/file", "x");
    ASSERT_EQ(RunDirectory::list(base()).size(), 1u);
    EXPECT_EQ(RunDirectory::list(base()).front().str(), "web");
    EXPECT_TRUE(RunDirectory::list(base() + "/none").empty());
}

TEST_F(RunDirectoryTest, RemovingNothingIsNoError) { EXPECT_TRUE(RunDirectory::remove(base(), id_)); }

TEST_F(RunDirectoryTest, IsRemovedWithAllInIt) {
    ASSERT_TRUE(open().save(full_record()));
    directory_.write("run/xctl/web/more/file", "x");
    EXPECT_TRUE(RunDirectory::remove(base(), id_));
    EXPECT_FALSE(std::filesystem::exists(base() + "/web"));
    EXPECT_TRUE(std::filesystem::exists(base()));
    expect_fresh(open().load());
}

TEST_F(RunDirectoryTest, ALinkIsNotFollowed) {
    directory_.write("elsewhere/file", "x");
    std::filesystem::create_directories(base());
    std::filesystem::create_directory_symlink(directory_.path() / "elsewhere", base() + "/web");
    EXPECT_FALSE(RunDirectory::open(base(), id_));
}

}  // namespace
}  // namespace xctl::run
