// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/criu/image_record.hpp"

#include <gtest/gtest.h>

#include "runtime/xrun/criu/mount_table.hpp"

namespace xctl::runtime {
namespace {

ImageRecord example() {
    return {.terminal = false,
            .joins_network = true,
            .mounts = {{ImageMountKind::bind, "/data"}, {ImageMountKind::cgroup, "/sys/fs/cgroup"},
                       {ImageMountKind::null_device, "/proc/kcore"}},
            .streams = {"file[1f:4]", "pipe:[17]", ""}};
}

TEST(ImageRecord, ComesBackAsItWas) {
    const auto record = parse_image_record(to_json(example()));
    ASSERT_TRUE(record);
    EXPECT_EQ(*record, example());
}

TEST(ImageRecord, NothingElseIsTaken) {
    const std::string good = to_json(example());
    const auto changed = [&](const std::string& from, const std::string& to) {
        auto text = good;
        const auto at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (const auto& text : {std::string(), std::string("{}"), std::string("[]"), good + "x",
                             changed("\"version\":1", "\"version\":2"),
                             changed("\"version\":1", "\"version\":1,\"a\":1"),
                             changed("false", "0"), changed("\"bind\"", "\"tmpfs\""), changed("/data", "data"),
                             changed("/data", "/da\\nta"), changed("pipe:[17]", "pipe:[1]:/etc"),
                             changed("pipe:[17]", "fd[17]"), changed(",\"\"]", "]"),
                             changed(",\"target\":\"/data\"", "")}) {
        const auto record = parse_image_record(text);
        ASSERT_FALSE(record) << text;
        EXPECT_EQ(record.error().code, Errc::invalid_document);
    }
}

TEST(ImageRecord, KeysHaveNothingOfTheContainer) {
    EXPECT_EQ(image_key(0), "xrun-0");
    EXPECT_EQ(image_key(12), "xrun-12");
}

TEST(ImageRecord, StreamKeys) {
    for (const char* good : {"", "pipe:[1]", "socket:[23]", "file[a0:1f]"}) EXPECT_TRUE(is_stream_key(good)) << good;
    for (const char* bad : {"pipe:[]", "pipe:[a]", "pipe:[1", "file[1]", "file[1:]", "file[G:1]", "/dev/null", "]"})
        EXPECT_FALSE(is_stream_key(bad)) << bad;
}

TEST(MountTable, Rows) {
    const auto rows = parse_mount_table(
        "643 548 0:86 /r / rw,nosuid master:88 - tmpfs tmpfs rw\n"
        "652 644 0:88 /null /proc/a\\040b\\134 rw - devtmpfs dev rw\n");
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 2U);
    EXPECT_EQ((*rows)[0], (MountRow{643, "/r", "/", "tmpfs"}));
    EXPECT_EQ((*rows)[1], (MountRow{652, "/null", "/proc/a b\\", "devtmpfs"}));
}

TEST(MountTable, StrangeLines) {
    EXPECT_FALSE(parse_mount_table("1 2 3"));
    EXPECT_FALSE(parse_mount_table("1 2 0:1 / / rw master:1\n"));
    EXPECT_FALSE(parse_mount_table("x 2 0:1 / / rw - tmpfs tmpfs rw\n"));
}

TEST(MountTable, PathsThatWouldBecomeSyntax) {
    EXPECT_TRUE(check_criu_path("/a b/[c"));
    for (const char* path : {"/a]", "/a:b", "/a\nb", "/\x01"}) EXPECT_FALSE(check_criu_path(path)) << path;
}

}  // namespace
}  // namespace xctl::runtime
