// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "lib/kernel/file.hpp"
#include "lib/kernel/root_path.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::test {
namespace {

namespace fs = std::filesystem;
namespace raw = kernel::raw;

UniqueFd open_path(const fs::path& path) { return UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC)); }

/// Makes `path` below a root in which `link` leads to `target`; where it came to be, if anywhere.
std::string made_through(const fs::path& link, const fs::path& target, const char* path, const fs::path& expected) {
    const TemporaryDirectory directory;
    fs::create_symlink(target, directory.path() / link);
    const auto root = open_path(directory.path());
    const raw::Fd made(raw::make_in_root(root.get(), path, raw::NodeType::directory, 0755));
    if (made.failed()) return "errno " + std::to_string(raw::errno_of(made.get()));
    return fs::is_directory(directory.path() / expected) ? "made" : "elsewhere";
}

TEST(MakeInRoot, FollowsDanglingLinks) {
    EXPECT_EQ(made_through("a", "b", "/a/c/d", "b/c/d"), "made");
    EXPECT_EQ(made_through("a", "longer/than/that", "/a/c/d", "longer/than/that/c/d"), "made");
    EXPECT_EQ(made_through("name-that-is-long", "/b", "/name-that-is-long/c/d", "b/c/d"), "made");
    EXPECT_EQ(made_through("a", "../../b", "a/c", "b/c"), "made");
    EXPECT_EQ(made_through("a", "a", "/a/c", ""), "errno " + std::to_string(ELOOP));
}

TEST(MakeInRoot, RefusesWhatGrowsTooLong) {
    const std::string rest = "/" + std::string(200, 'x');
    std::string path = "/a";
    while (path.size() < 3900) path += rest;
    std::string target = "b";
    while (target.size() < 400) target += "/" + std::string(100, 'y');
    EXPECT_EQ(made_through("a", target, path.c_str(), ""), "errno " + std::to_string(ENAMETOOLONG));
}

class OpenRegular : public testing::Test {
protected:
    /// What it reads, or errno.
    std::string read(const fs::path& path) { return read(open_path(path).get()); }
    std::string read(int node) {
        const UniqueFd file(raw::open_regular(proc_.get(), node));
        if (!file) return "errno " + std::to_string(raw::errno_of(raw::open_regular(proc_.get(), node)));
        char text[100];
        const auto size = ::read(file.get(), text, sizeof text);
        return std::string(text, static_cast<std::size_t>(size < 0 ? 0 : size));
    }
    UniqueFd proc_ = open_path("/proc");
    TemporaryDirectory directory_;
};

TEST_F(OpenRegular, OpensFilesAndNothingElse) {
    directory_.write("file", "text");
    ASSERT_EQ(::mkfifo((directory_.path() / "fifo").c_str(), 0600), 0);
    const auto refused = "errno " + std::to_string(EINVAL);
    EXPECT_EQ(read(directory_.path() / "file"), "text");
    EXPECT_EQ(read(directory_.path() / "fifo"), refused);
    EXPECT_EQ(read("/dev/zero"), refused);
    EXPECT_EQ(read(directory_.path()), refused);
}

TEST_F(OpenRegular, OpensWhatWasLookedAt) {
    directory_.write("file", "text");
    const auto path = directory_.path() / "file";
    const auto node = open_path(path);
    fs::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(read(node.get()), "text");
}

}  // namespace
}  // namespace xctl::test
