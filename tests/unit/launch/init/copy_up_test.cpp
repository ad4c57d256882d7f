// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/kernel/raw.hpp"
#include "lib/launch/init/copy_up.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::test {
namespace {

namespace fs = std::filesystem;
namespace raw = kernel::raw;

class CopyUp : public testing::Test {
protected:
    int copy(std::size_t levels = launch::kMaxCopyDepth) {
        const auto memory = launch::make_copy_levels();
        return launch::copy_up(proc_.get(), std::span(memory.get(), levels), from_.get(), to_.get());
    }
    /// Directories within each other, and the path of the innermost.
    fs::path nest(int count) {
        fs::path path = source_.path();
        for (int i = 0; i < count; ++i) path /= "d";
        fs::create_directories(path);
        return path;
    }
    TemporaryDirectory source_, target_;
    UniqueFd proc_{::open("/proc", O_PATH | O_CLOEXEC)};
    UniqueFd from_{::open(source_.path().c_str(), O_PATH | O_CLOEXEC)};
    UniqueFd to_{::open(target_.path().c_str(), O_PATH | O_CLOEXEC)};
};

mode_t mode_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info.st_mode;
}

TEST_F(CopyUp, CopiesEveryKindOfNode) {
    fs::create_directories(source_.path() / "a/b");
    source_.write("a/b/file", "text");
    fs::permissions(source_.path() / "a/b/file", fs::perms(04751));
    fs::permissions(source_.path() / "a/b", fs::perms(0510));
    fs::create_symlink("b/file", source_.path() / "a/link");
    ASSERT_EQ(::mkfifo((source_.path() / "a/fifo").c_str(), 0640), 0);
    ASSERT_EQ(copy(), 0);
    EXPECT_EQ(target_.read("a/link"), "text");
    EXPECT_EQ(mode_of(target_.path() / "a/b/file"), S_IFREG | 04751U);
    EXPECT_EQ(mode_of(target_.path() / "a/b"), S_IFDIR | 0510U);
    EXPECT_EQ(mode_of(target_.path() / "a/link") & S_IFMT, S_IFLNK);
    EXPECT_EQ(mode_of(target_.path() / "a/fifo"), S_IFIFO | 0640U);
}

/// More than one getdents64(2) answers, with directories among the files.
TEST_F(CopyUp, CopiesEveryEntryOfALargeDirectory) {
    for (int i = 0; i < 500; ++i) {
        const auto name = std::to_string(i) + std::string(100, 'n');
        if (i % 7 == 0)
            fs::create_directories(source_.path() / name / "below");
        else
            source_.write(name, name);
    }
    ASSERT_EQ(copy(), 0);
    const auto count = [](const fs::path& path) {
        return std::distance(fs::recursive_directory_iterator(path), fs::recursive_directory_iterator());
    };
    EXPECT_EQ(count(target_.path()), count(source_.path()));
}

TEST_F(CopyUp, HasALimitOfDepth) {
    const auto innermost = nest(static_cast<int>(launch::kMaxCopyDepth) - 1);
    const auto file = fs::relative(innermost, source_.path()) / "file";
    source_.write(file, "text");
    ASSERT_EQ(copy(), 0);
    EXPECT_EQ(target_.read(file), "text");
    nest(static_cast<int>(launch::kMaxCopyDepth));
    fs::remove_all(target_.path() / "d");
    EXPECT_EQ(copy(), raw::failure(ENAMETOOLONG));
}

TEST_F(CopyUp, LeavesNoDescriptorOpenWhenItFails) {
    nest(5);
    const UniqueFd before(::dup(0));
    EXPECT_EQ(copy(4), raw::failure(ENAMETOOLONG));
    const UniqueFd after(::dup(0));
    EXPECT_EQ(after.get(), before.get() + 1);
}

}  // namespace
}  // namespace xctl::test
