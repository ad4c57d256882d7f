// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/ring.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <random>

#include "tests/unit/daemon/ring/console_pieces.hpp"
#include "tests/unit/kernel/temporary_directory.hpp"

namespace xctl::ring {
namespace {

using namespace test;
using Strings = std::vector<std::string>;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMarks = 2048;
constexpr unsigned kSeed = 7;

class RingTest : public testing::Test {
protected:
    [[nodiscard]] Ring open(std::uint64_t size = kPage) const { return open_ring(directory_.fd(), size); }
    [[nodiscard]] std::string path() const { return directory_.path() / "console"; }

    TemporaryDirectory directory_;
};

TEST_F(RingTest, ANewOneIsEmpty) {
    auto ring = open();
    EXPECT_EQ(ring.begin(), 0u);
    EXPECT_EQ(ring.end(), 0u);
    EXPECT_EQ(ring.mark_count(), 0u);
    EXPECT_EQ(ring.journal_offset(), 0u);
    EXPECT_FALSE(ring.run_is_open());
    EXPECT_EQ(ring.line_offset(10, ring.end()), 0u);
    EXPECT_TRUE(ring.bytes(0, 100).empty());
}

TEST_F(RingTest, ItsSizeIsRoundedUpToPages) {
    EXPECT_EQ(open(1).capacity(), kPage);
    ASSERT_EQ(::unlink(path().c_str()), 0);
    EXPECT_EQ(open(kPage + 1).capacity(), 2 * kPage);
}

TEST_F(RingTest, AnExistingOneKeepsItsSize) {
    {
        auto ring = open(kPage);
        print(ring, "hello");
    }
    auto ring = open(64 * kPage);
    EXPECT_EQ(ring.capacity(), kPage);
    EXPECT_EQ(content(ring, 0), "hello");
}

TEST_F(RingTest, AnEmptyPipeAndAClosedOneAreToldApart) {
    auto ring = open();
    Pipe pipe;
    EXPECT_EQ(Ring::pull(pipe.read_end.get(), ring.prepare(kOut)).error().sys_errno, EAGAIN);
    pipe.write("last words");
    pipe.write_end.reset();
    EXPECT_EQ(Ring::pull(pipe.read_end.get(), ring.prepare(kOut)).value(), 10u);
    EXPECT_EQ(Ring::pull(pipe.read_end.get(), ring.prepare(kOut)).value(), 0u);
    EXPECT_EQ(content(ring, 0), "last words");
}

TEST_F(RingTest, ManyLapsOfRandomSizesKeepTheLastBytes) {
    SCOPED_TRACE(std::format("seed {}", kSeed));
    std::mt19937 random(kSeed);
    auto ring = open(4 * kPage);
    const auto all = numbered_lines(0, 60'000);
    std::uint64_t written = 0;
    for (std::size_t size = 0; written < all.size(); written += size) {
        size = std::min<std::size_t>(1 + random() % 9000, all.size() - written);
        print(ring, all.substr(written, size));
        ASSERT_FALSE(HasFailure());
        ASSERT_EQ(ring.end(), written + size);
        ASSERT_EQ(ring.begin(), ring.end() > ring.capacity() ? ring.end() - ring.capacity() : 0);
        ASSERT_EQ(content(ring, ring.begin()), all.substr(ring.begin(), ring.end() - ring.begin()));
    }
    EXPECT_GT(written, 30 * ring.capacity());
}

TEST_F(RingTest, ALapThatEndsExactlyAtTheEnd) {
    auto ring = open(kPage);
    for (int lap = 1; lap <= 5; ++lap) {
        print(ring, std::string(kPage, static_cast<char>('a' + lap)));
        EXPECT_EQ(ring.end(), static_cast<std::uint64_t>(lap) * kPage);
        EXPECT_EQ(ring.bytes(ring.begin(), ring.end()).size(), kPage);
    }
    print(ring, "x");
    EXPECT_EQ(content(ring, ring.begin()), std::string(kPage - 1, 'f') + "x");
}

TEST_F(RingTest, BytesEndAtTheLimitAndAtTheEndOfTheFile) {
    auto ring = open(kPage);
    print(ring, std::string(kPage - 2, 'a') + "bcde");
    EXPECT_EQ(as_text(ring.bytes(kPage - 2, kPage - 1)), "b");
    EXPECT_EQ(as_text(ring.bytes(kPage - 2, kPage + 2)), "bc");
    EXPECT_EQ(as_text(ring.bytes(kPage, kPage + 100)), "de");
}

TEST_F(RingTest, AReopenedOneHasEverything) {
    const auto text = numbered_lines(0, 2000);
    {
        auto ring = open(kPage);
        begin_run(ring);
        print(ring, text);
        print(ring, "oops", kErr);
        ring.journal_offset() = 1234;
    }
    auto ring = open();
    EXPECT_EQ(ring.end(), text.size() + 4);
    EXPECT_EQ(content(ring, ring.begin()), (text + "oops").substr(ring.begin()));
    EXPECT_EQ(ring.journal_offset(), 1234u);
    EXPECT_TRUE(ring.run_is_open());
    ASSERT_EQ(ring.mark_count(), 2u);
    EXPECT_EQ(ring.mark(1).kind, kErr);
    EXPECT_EQ(ring.mark(1).offset, text.size());
    // And it goes on in the stream that was current.
    print(ring, "again", kErr);
    EXPECT_EQ(ring.mark_count(), 2u);
    print(ring, "fine", kOut);
    EXPECT_EQ(ring.mark_count(), 3u);
}

TEST_F(RingTest, ItsMoveLeavesTheOtherEmpty) {
    auto ring = open();
    print(ring, "text");
    const Ring moved(std::move(ring));
    EXPECT_EQ(content(moved, 0), "text");
}

TEST_F(RingTest, StreamsAreMarkedWhereTheyChange) {
    auto ring = open();
    print(ring, "a");
    EXPECT_EQ(ring.mark_count(), 0u) << "standard output is what a run begins with";
    print(ring, "b", kErr);
    print(ring, "c", kErr);
    print(ring, "d");
    ASSERT_EQ(ring.mark_count(), 2u);
    EXPECT_EQ(ring.mark(0).offset, 1u);
    EXPECT_EQ(ring.mark(1).offset, 3u);
}

TEST_F(RingTest, ARunBeginsWithStandardOutput) {
    auto ring = open();
    begin_run(ring);
    print(ring, "bad", kErr);
    end_run(ring, 1);
    EXPECT_FALSE(ring.run_is_open());
    begin_run(ring);
    EXPECT_TRUE(ring.run_is_open());
    print(ring, "good");
    EXPECT_EQ(ring.mark_count(), 4u);
    print(ring, "bad", kErr);
    EXPECT_EQ(ring.mark_count(), 5u);
}

TEST_F(RingTest, MoreMarksThanAreKept) {
    auto ring = open(16 * kPage);
    for (std::uint64_t i = 0; i < kMarks - 1; ++i) print(ring, "x", i % 2 == 0 ? kErr : kOut);
    EXPECT_EQ(ring.first_mark(), 0u);
    EXPECT_EQ(ring.begin(), 0u);
    for (std::uint64_t i = kMarks - 1; i < 3 * kMarks; ++i) {
        print(ring, "x", i % 2 == 0 ? kErr : kOut);
        ASSERT_EQ(ring.mark_count(), i + 1);
        ASSERT_EQ(ring.first_mark(), i + 2 - kMarks);
        ASSERT_EQ(ring.mark(ring.first_mark()).offset, ring.first_mark());
        ASSERT_EQ(ring.begin(), ring.first_mark()) << "bytes without their mark are not shown";
    }
    auto cursor = ConsoleCursor::at(ring, ring.begin());
    const auto items = read_items(ring, cursor);
    ASSERT_EQ(items.size(), kMarks - 1);
    for (std::size_t i = 0; i < items.size(); ++i)
        ASSERT_EQ(items[i], (ring.begin() + i) % 2 == 0 ? "err:x" : "out:x");
}

TEST_F(RingTest, LinesAreCountedFromTheEnd) {
    auto ring = open();
    print(ring, "one\ntwo\nthree\n");
    EXPECT_EQ(ring.line_offset(0, ring.end()), 14u);
    EXPECT_EQ(content(ring, ring.line_offset(1, ring.end())), "three\n");
    EXPECT_EQ(content(ring, ring.line_offset(2, ring.end())), "two\nthree\n");
    EXPECT_EQ(ring.line_offset(3, ring.end()), 0u);
    EXPECT_EQ(ring.line_offset(1'000'000, ring.end()), 0u);
    print(ring, "four");
    EXPECT_EQ(content(ring, ring.line_offset(1, ring.end())), "four");
    EXPECT_EQ(content(ring, ring.line_offset(2, ring.end())), "three\nfour");
    print(ring, "\n\n");
    EXPECT_EQ(content(ring, ring.line_offset(1, ring.end())), "\n");
    EXPECT_EQ(content(ring, ring.line_offset(2, ring.end())), "four\n\n");
}

TEST_F(RingTest, LinesAreCountedOverTheEndOfTheFile) {
    auto ring = open(kPage);
    const auto text = numbered_lines(0, 1000);
    print(ring, text);
    EXPECT_EQ(content(ring, ring.line_offset(200, ring.end())), numbered_lines(800, 200));
    EXPECT_EQ(ring.line_offset(1000, ring.end()), ring.begin());
}

struct Damage {
    const char* name;
    std::function<void(const std::string& path)> damage;
};

void overwrite(const std::string& path, off_t at, std::uint64_t value) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::pwrite(file.get(), &value, sizeof value, at), static_cast<ssize_t>(sizeof value));
}

TEST_F(RingTest, ADamagedFileIsReplaced) {
    const Damage kinds[]{
        {"empty", [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 0), 0); }},
        {"cut", [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 100'000), 0); }},
        {"a header without data", [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 4096), 0); }},
        {"magic", [](const std::string& path) { overwrite(path, 0, 1); }},
        {"capacity", [](const std::string& path) { overwrite(path, 8, 3 * kPage); }},
        {"position before the data", [](const std::string& path) { overwrite(path, 48, 5); }},
        {"position behind the data", [](const std::string& path) { overwrite(path, 48, 1U << 30); }},
        {"negative position", [](const std::string& path) { overwrite(path, 48, ~std::uint64_t{0}); }},
        {"a lap that begins between laps", [](const std::string& path) { overwrite(path, 40, 100); }},
        {"a lap that no offset reaches", [](const std::string& path) { overwrite(path, 40, std::uint64_t{1} << 63); }},
        {"a journal that knows more", [](const std::string& path) { overwrite(path, 16, 1000); }},
        {"a mark behind the end",
         [](const std::string& path) {
             overwrite(path, 24, 1);
             overwrite(path, 80, std::uint64_t{1} << 40);
         }},
        {"marks in disorder",
         [](const std::string& path) {
             overwrite(path, 24, 2);
             overwrite(path, 80, 3);
             overwrite(path, 104, 1);
         }},
        {"a mark of no kind",
         [](const std::string& path) {
             overwrite(path, 24, 1);
             overwrite(path, 88, std::uint64_t{7} << 32);
         }},
        {"a time behind the end", [](const std::string& path) { overwrite(path, 49240, std::uint64_t{1} << 40); }},
        {"times in disorder", [](const std::string& path) { overwrite(path, 49232, 2); }},
        {"a symbolic link",
         [](const std::string& path) {
             ASSERT_EQ(::rename(path.c_str(), (path + ".real").c_str()), 0);
             ASSERT_EQ(::symlink((path + ".real").c_str(), path.c_str()), 0);
         }},
    };
    for (const auto& kind : kinds) {
        SCOPED_TRACE(kind.name);
        {
            auto ring = open(16 * kPage);
            print(ring, "old");
        }
        kind.damage(path());
        auto ring = open(32 * kPage);
        EXPECT_EQ(ring.capacity(), 32 * kPage);
        EXPECT_EQ(ring.end(), 0u);
        print(ring, "new");
        EXPECT_EQ(content(ring, 0), "new");
        struct stat status {};
        ASSERT_EQ(::lstat(path().c_str(), &status), 0);
        EXPECT_TRUE(S_ISREG(status.st_mode));
        EXPECT_EQ(status.st_mode & 07777, 0600u);
        ASSERT_EQ(::unlink(path().c_str()), 0);
    }
}

TEST_F(RingTest, WhatCannotBeReplacedIsAnError) {
    ASSERT_EQ(::mkdir(path().c_str(), 0700), 0);
    EXPECT_FALSE(Ring::open_at(directory_.fd(), "console", kPage));
}

/// A file system of its own that is mounted nowhere; no descriptor without the privilege.
UniqueFd make_file_system(const char* size) {
    const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
    if (!context || ::fsconfig(context.get(), FSCONFIG_SET_STRING, "size", size, 0) < 0) return {};
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return {};
    return UniqueFd(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

TEST_F(RingTest, WithoutRoomForTheHeaderThereIsAnError) {
    const auto full = make_file_system("16k");
    if (!full) GTEST_SKIP() << "needs the privilege to mount";
    const auto ring = Ring::open_at(full.get(), "console", kPage);
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().sys_errno, ENOSPC);
}

TEST_F(RingTest, WithoutRoomForBytesTheyStayInThePipe) {
    const auto small = make_file_system("88k");  // the header and one page
    if (!small) GTEST_SKIP() << "needs the privilege to mount";
    auto ring = open_ring(small.get(), 4 * kPage);
    const Pipe pipe;
    const auto text = numbered_lines(0, 1500);
    pipe.write(text);
    std::string seen;
    while (const auto moved = Ring::pull(pipe.read_end.get(), ring.prepare(kOut)).value_or(0)) EXPECT_GT(moved, 0u);
    seen = content(ring, 0);
    EXPECT_EQ(Ring::pull(pipe.read_end.get(), ring.prepare(kOut)).error().sys_errno, ENOSPC);
    ASSERT_LT(seen.size(), text.size());
    std::string rest(text.size(), '\0');
    rest.resize(static_cast<std::size_t>(::read(pipe.read_end.get(), rest.data(), rest.size())));
    EXPECT_TRUE(seen + rest == text);
}

}  // namespace
}  // namespace xctl::ring
