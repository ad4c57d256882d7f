// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/oci/mount_options.hpp"

#include <gtest/gtest.h>

#include "lib/base/text.hpp"

namespace xctl::oci {
namespace {

// The specification's list (config.md, "Linux mount options") and what crun adds to it.
constexpr std::string_view kRequired =
    "async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec "
    "noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared "
    "rslave "
    "runbindable rw shared silent slave strictatime suid sync unbindable nosymfollow symfollow ratime rdev "
    "rdiratime "
    "rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow rrelatime rro rrw "
    "rstrictatime rsuid rsymfollow idmap ridmap mand nomand tmpcopyup copy-symlink src-nofollow dest-nofollow "
    "rsync "
    "rasync rdirsync rmand rnomand";

TEST(MountOptions, HasARowForEveryWord) {
    for (const auto& word : split(kRequired, ' ')) EXPECT_NE(find_row(kMountOptions, word), nullptr) << word;
}

TEST(MountOptions, ValuesAreInTheirMasks) {
    for (const auto& row : kMountOptions)
        if (row.effect == MountEffect::attribute || row.effect == MountEffect::recursive_attribute) {
            EXPECT_NE(row.mask, 0U) << row.name;
            EXPECT_EQ(row.value & ~row.mask, 0U) << row.name;
        }
}

TEST(MountOptions, AccessTimesReplaceTheWholeField) {
    for (const auto* word : {"atime", "noatime", "relatime", "strictatime", "nostrictatime", "rnoatime"})
        EXPECT_EQ(find_row(kMountOptions, word)->mask, std::uint64_t{MOUNT_ATTR__ATIME}) << word;
}

}  // namespace
}  // namespace xctl::oci
