// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lib/kernel/root_path.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::kernel {
namespace {

namespace fs = std::filesystem;
using test::TemporaryDirectory;

int make_file(const TemporaryDirectory& root, const char* path) {
    const raw::Fd fd(raw::make_in_root(root.fd(), path, raw::NodeType::file, 0640));
    return fd.failed() ? raw::errno_of(fd.get()) : 0;
}

TEST(ReplaceFile, ReplacesTheContentAndLeavesNothingElse) {
    const TemporaryDirectory dir;
    ASSERT_TRUE(replace_file_at(dir.fd(), "record", "one\n"));
    ASSERT_TRUE(replace_file_at(dir.fd(), "record", "two\n", 0600, Durable::yes));
    EXPECT_EQ(dir.read("record"), "two\n");
    EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);
    EXPECT_EQ(fs::status(dir.path() / "record").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(ReplaceFile, WritesBelowADirectory) {
    const TemporaryDirectory dir;
    fs::create_directory(dir.path() / "sub");
    ASSERT_TRUE(replace_file_at(dir.fd(), "sub/record", "text"));
    EXPECT_EQ(dir.read("sub/record"), "text");
}

TEST(ReplaceFile, OverwritesWhatACrashLeftBehind) {
    const TemporaryDirectory dir;
    dir.write(".record.new", "half");
    ASSERT_TRUE(replace_file_at(dir.fd(), "record", "text"));
    EXPECT_EQ(dir.read("record"), "text");
    EXPECT_FALSE(fs::exists(dir.path() / ".record.new"));
}

TEST(ReplaceFile, NamesWhatFailed) {
    const TemporaryDirectory dir;
    const auto result = replace_file_at(dir.fd(), "missing/record", "text");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().sys_errno, ENOENT);
    EXPECT_NE(result.error().message.find("missing"), std::string::npos);
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
    const TemporaryDirectory dir;
    dir.write("file", std::string(100, 'x'));
    EXPECT_EQ(read_file_at(dir.fd(), "file", 100).value().size(), 100U);
    EXPECT_EQ(read_file_at(dir.fd(), "file", 99).error().sys_errno, EFBIG);
}

TEST(MakeInRoot, MakesParents) {
    const TemporaryDirectory root;
    ASSERT_EQ(make_file(root, "/a/b/c"), 0);
    EXPECT_TRUE(fs::is_regular_file(root.path() / "a/b/c"));
    EXPECT_EQ(make_file(root, "/a/b/c"), 0);
    ASSERT_TRUE(make_directories_in_root(root.fd(), "//d/./e//"));
    EXPECT_TRUE(fs::is_directory(root.path() / "d/e"));
}

TEST(MakeInRoot, NeverLeavesTheRoot) {
    const TemporaryDirectory outside;
    const TemporaryDirectory root;
    fs::create_directory_symlink(outside.path(), root.path() / "absolute");
    fs::create_directory_symlink("../../../../../../../../" + outside.path().string(), root.path() / "relative");
    fs::create_directories(root.path() / outside.path().relative_path());
    ASSERT_EQ(make_file(root, "/absolute/one"), 0);
    ASSERT_EQ(make_file(root, "/relative/two"), 0);
    EXPECT_TRUE(fs::is_empty(outside.path()));
    EXPECT_TRUE(fs::exists(root.path() / outside.path().relative_path() / "one"));
    EXPECT_TRUE(fs::exists(root.path() / outside.path().relative_path() / "two"));
}

TEST(MakeInRoot, MakesTheTargetOfADanglingLink) {
    const TemporaryDirectory root;
    fs::create_directory(root.path() / "etc");
    fs::create_symlink("../run/resolve/stub.conf", root.path() / "etc/resolv.conf");
    ASSERT_EQ(make_file(root, "/etc/resolv.conf"), 0);
    EXPECT_TRUE(fs::is_regular_file(root.path() / "run/resolve/stub.conf"));
    fs::create_directory_symlink("/var/lib/data", root.path() / "data");
    ASSERT_EQ(make_file(root, "/data/x/y"), 0);
    EXPECT_TRUE(fs::is_regular_file(root.path() / "var/lib/data/x/y"));
}

TEST(MakeInRoot, GivesUpOnLoops) {
    const TemporaryDirectory root;
    fs::create_symlink("b", root.path() / "a");
    fs::create_symlink("a", root.path() / "b");
    EXPECT_EQ(make_file(root, "/a/c"), ELOOP);
    fs::create_symlink("self/x", root.path() / "self");
    EXPECT_EQ(make_file(root, "/self"), ELOOP);
}

TEST(MakeInRoot, FailsOnAFileInTheWay) {
    const TemporaryDirectory root;
    root.write("file", "");
    EXPECT_EQ(make_file(root, "/file/below"), ENOTDIR);
}

TEST(OpenBeneath, RefusesLinks) {
    const TemporaryDirectory dir;
    dir.write("sub/file", "text");
    fs::create_symlink("file", dir.path() / "sub/link");
    EXPECT_TRUE(open_beneath(dir.fd(), "sub/file", O_RDONLY));
    EXPECT_EQ(open_beneath(dir.fd(), "sub/link", O_RDONLY).error().sys_errno, ELOOP);
    EXPECT_EQ(open_beneath(dir.fd(), "../x", O_RDONLY).error().sys_errno, EXDEV);
}

TEST(ReadBeginning, ReadsNoMoreThanAsked) {
    const TemporaryDirectory dir;
    dir.write("file", "0123456789");
    EXPECT_EQ(read_beginning_at(dir.fd(), "file", 4).value(), "0123");
    EXPECT_EQ(read_beginning_at(dir.fd(), "file", 10).value(), "0123456789");
    EXPECT_EQ(read_beginning_at(dir.fd(), "file", 100).value(), "0123456789");
    EXPECT_EQ(read_beginning_at(AT_FDCWD, "/dev/zero", 100).value(), std::string(100, '\0'));
    EXPECT_EQ(read_beginning_at(dir.fd(), "none", 4).error().sys_errno, ENOENT);
}

TEST(ReadDocument, ReadsARegularFile) {
    const TemporaryDirectory dir;
    dir.write("file", "0123456789");
    fs::create_symlink("file", dir.path() / "link");
    EXPECT_EQ(read_document_at(dir.fd(), "file").value(), "0123456789");
    EXPECT_EQ(read_document_at(dir.fd(), "link").value(), "0123456789");
    EXPECT_EQ(read_document_at(dir.fd(), "file", 10).value(), "0123456789");
    EXPECT_EQ(read_document_at(dir.fd(), "file", 9).error().sys_errno, EFBIG);
    EXPECT_EQ(read_document_at(dir.fd(), "none").error().sys_errno, ENOENT);
}

TEST(ReadDocument, RefusesEverythingElseAtOnce) {
    const TemporaryDirectory dir;
    ASSERT_EQ(::mkfifoat(dir.fd(), "fifo", 0600), 0);
    fs::create_symlink("fifo", dir.path() / "link");
    fs::create_symlink("self", dir.path() / "self");
    for (const auto* name : {"fifo", "link", "/dev/null", "/dev/zero"}) {
        const auto text = read_document_at(dir.fd(), name);
        ASSERT_FALSE(text) << name;
        EXPECT_EQ(text.error().code, Errc::invalid_document);
        EXPECT_EQ(text.error().message, std::string(name) + ": is not a regular file");
    }
    EXPECT_EQ(read_document_at(dir.fd(), ".").error().message, ".: is a directory");
    EXPECT_EQ(read_document_at(dir.fd(), "self").error().sys_errno, ELOOP);
}

}  // namespace
}  // namespace xctl::kernel
