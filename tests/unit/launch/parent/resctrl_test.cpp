// SPDX-License-Identifier: LGPL-2.1-or-later
// In a directory that looks like the kernel's, except that nothing appears in what is made there.
#include "lib/launch/parent/resctrl.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::test {
namespace {

constexpr pid_t kPid = 4321;

class Resctrl : public testing::Test {
protected:
    void add_class(const std::string& path, const std::string& schemata) {
        directory_.write(path + "schemata", schemata);
        directory_.write(path + "tasks", "");
        std::filesystem::create_directories(directory_.path() / path / "mon_groups");
    }
    Result<> enter(const plan::IntelRdt& wanted) {
        return launch::enter_resctrl(directory_.fd(), wanted, "box", kPid);
    }
    TemporaryDirectory directory_;
};

TEST_F(Resctrl, FillsAClassOfTheContainersOwn) {
    add_class("box/", "");
    const plan::IntelRdt wanted{.l3_cache_schema = "L3:0=f", .schemata = {"MB:0=50"}};
    const auto entered = enter(wanted);
    ASSERT_TRUE(entered) << entered.error().message;
    EXPECT_EQ(directory_.read("box/schemata"), "MB:0=50\n");  // the last of the lines
    EXPECT_EQ(directory_.read("box/tasks"), "4321");
}

TEST_F(Resctrl, ComparesWithAClassThatExists) {
    add_class("gold/", "    MB:0=100;1=50\n    L3:0=00f;1=0FF\n");
    EXPECT_TRUE(enter({.clos_id = "gold"}));
    EXPECT_TRUE(enter({.clos_id = "gold", .l3_cache_schema = "L3:1=ff;0=f", .mem_bw_schema = "MB:1=50"}));
    EXPECT_EQ(directory_.read("gold/tasks"), "4321");
    const auto refused = enter({.clos_id = "gold", .schemata = {"L3:0=f0"}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.substr(0, 60), "the class exists with other schemata than \"L3:0=f0\": Invalid");
    EXPECT_TRUE(std::filesystem::exists(directory_.path() / "gold"));
}

TEST_F(Resctrl, ChangesTheSchemataOfAClass) {
    add_class("box/", "L3:0=f\n");
    const auto changed = launch::change_resctrl(directory_.fd(), {.l3_cache_schema = "L3:0=3"}, "box");
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(directory_.read("box/schemata"), "L3:0=3\n");
    EXPECT_EQ(directory_.read("box/tasks"), "");
    EXPECT_FALSE(launch::change_resctrl(directory_.fd(), {.l3_cache_schema = "L3:0=3"}, "other"));
}

TEST_F(Resctrl, NeedsTheClassThatItIsToldToUse) {
    const auto refused = enter({.clos_id = "gold"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sys_errno, ENOENT);
}

TEST_F(Resctrl, TheRootsClassNeedsNoDirectory) {
    add_class("", "L3:0=ff\n");
    EXPECT_TRUE(enter({.clos_id = "/"}));
    EXPECT_EQ(directory_.read("tasks"), "4321");
}

// The kernel would put files into what is made; here that fails, and all of it goes away again.
TEST_F(Resctrl, LeavesNothingBehindWhenItFails) {
    EXPECT_FALSE(enter({.l3_cache_schema = "L3:0=f"}));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() / "box"));
    add_class("gold/", "L3:0=f\n");
    EXPECT_FALSE(enter({.clos_id = "gold", .monitoring = true}));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() / "gold/mon_groups/box"));
}

TEST_F(Resctrl, RemovesOnlyWhatIsTheContainersOwn) {
    std::filesystem::create_directories(directory_.path() / "gold/mon_groups/box");
    std::filesystem::create_directories(directory_.path() / "box");
    launch::leave_resctrl(directory_.fd(), {.clos_id = "gold", .monitoring = true}, "box");
    EXPECT_TRUE(std::filesystem::exists(directory_.path() / "gold/mon_groups"));
    EXPECT_FALSE(std::filesystem::exists(directory_.path() / "gold/mon_groups/box"));
    EXPECT_TRUE(std::filesystem::exists(directory_.path() / "box"));
    launch::leave_resctrl(directory_.fd(), {}, "box");
    EXPECT_FALSE(std::filesystem::exists(directory_.path() / "box"));
}

}  // namespace
}  // namespace xctl::test
