// SPDX-License-Identifier: LGPL-2.1-or-later
// The words of mounts[].options that do not belong to a file system: one row per word.
#pragma once

#include <linux/mount.h>
#include <sys/mount.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "lib/base/table.hpp"

namespace xctl::oci {

enum class MountEffect : std::uint8_t {
    none,                 // what the kernel does anyway
    attribute,            // of the mount: the bits of `mask` become `value`
    recursive_attribute,  // the same for every mount below it too
    superblock,           // of the file system: the flag `flag` for fsconfig(2)
    propagation,          // `value` is the MS_* of mount(2)
    bind,
    recursive_bind,
    copy_up,           // a tmpfs that starts with what it covers
    id_map,            // ids are mapped for this mount
    recursive_id_map,  // and for the mounts below it
    source_link,       // a source that is a symbolic link is itself mounted
    copy_link,         // a source that is a symbolic link is made anew instead
    target_link,       // a target that is a symbolic link is itself covered
    change,            // of what is mounted there already
};

struct MountOption {
    std::string_view name;
    MountEffect effect = MountEffect::none;
    std::uint64_t mask = 0;
    std::uint64_t value = 0;
    std::string_view flag{};
};

namespace option_rows {

// Older kernel headers do not name this attribute.
inline constexpr std::uint64_t kNoSymFollow = 0x00200000;
inline constexpr std::uint64_t kReadOnly = MOUNT_ATTR_RDONLY;

constexpr MountOption set(std::string_view name, std::uint64_t bit) {
    return {name, MountEffect::attribute, bit, bit, {}};
}
constexpr MountOption clear(std::string_view name, std::uint64_t bit) {
    return {name, MountEffect::attribute, bit, 0, {}};
}
/// The access time mode is one number in a field of bits, so that the whole field is replaced.
constexpr MountOption atime(std::string_view name, std::uint64_t mode) {
    return {name, MountEffect::attribute, MOUNT_ATTR__ATIME, mode, {}};
}
constexpr MountOption recursive(MountOption row) {
    row.effect = MountEffect::recursive_attribute;
    return row;
}
constexpr MountOption on_superblock(std::string_view name, std::string_view flag) {
    return {name, MountEffect::superblock, 0, 0, flag};
}
constexpr MountOption propagate(std::string_view name, std::uint64_t flags) {
    return {name, MountEffect::propagation, 0, flags, {}};
}
constexpr MountOption plain(std::string_view name, MountEffect effect) { return {name, effect, 0, 0, {}}; }

}  // namespace option_rows

// Inode versions and mandatory locks have no switch left in the kernel: their words do nothing. Without
// "strictatime" and "noatime" the kernel updates access times relatively: the words that take one of them back do
// just that.
constexpr auto kMountOptions = [] {
    using namespace option_rows;
    using enum MountEffect;
    return std::array{
        plain("defaults", none),
        set("ro", kReadOnly),
        clear("rw", kReadOnly),
        set("nosuid", MOUNT_ATTR_NOSUID),
        clear("suid", MOUNT_ATTR_NOSUID),
        set("nodev", MOUNT_ATTR_NODEV),
        clear("dev", MOUNT_ATTR_NODEV),
        set("noexec", MOUNT_ATTR_NOEXEC),
        clear("exec", MOUNT_ATTR_NOEXEC),
        set("nodiratime", MOUNT_ATTR_NODIRATIME),
        clear("diratime", MOUNT_ATTR_NODIRATIME),
        set("nosymfollow", kNoSymFollow),
        clear("symfollow", kNoSymFollow),
        atime("noatime", MOUNT_ATTR_NOATIME),
        atime("atime", MOUNT_ATTR_RELATIME),
        atime("relatime", MOUNT_ATTR_RELATIME),
        plain("norelatime", none),
        atime("strictatime", MOUNT_ATTR_STRICTATIME),
        atime("nostrictatime", MOUNT_ATTR_RELATIME),

        recursive(set("rro", kReadOnly)),
        recursive(clear("rrw", kReadOnly)),
        recursive(set("rnosuid", MOUNT_ATTR_NOSUID)),
        recursive(clear("rsuid", MOUNT_ATTR_NOSUID)),
        recursive(set("rnodev", MOUNT_ATTR_NODEV)),
        recursive(clear("rdev", MOUNT_ATTR_NODEV)),
        recursive(set("rnoexec", MOUNT_ATTR_NOEXEC)),
        recursive(clear("rexec", MOUNT_ATTR_NOEXEC)),
        recursive(set("rnodiratime", MOUNT_ATTR_NODIRATIME)),
        recursive(clear("rdiratime", MOUNT_ATTR_NODIRATIME)),
        recursive(set("rnosymfollow", kNoSymFollow)),
        recursive(clear("rsymfollow", kNoSymFollow)),
        recursive(atime("rnoatime", MOUNT_ATTR_NOATIME)),
        recursive(atime("ratime", MOUNT_ATTR_RELATIME)),
        recursive(atime("rrelatime", MOUNT_ATTR_RELATIME)),
        plain("rnorelatime", none),
        recursive(atime("rstrictatime", MOUNT_ATTR_STRICTATIME)),
        recursive(atime("rnostrictatime", MOUNT_ATTR_RELATIME)),

        on_superblock("sync", "sync"),
        on_superblock("rsync", "sync"),
        on_superblock("async", "async"),
        on_superblock("rasync", "async"),
        on_superblock("dirsync", "dirsync"),
        on_superblock("rdirsync", "dirsync"),
        on_superblock("lazytime", "lazytime"),
        on_superblock("nolazytime", "nolazytime"),
        plain("iversion", none),
        plain("noiversion", none),
        plain("mand", none),
        plain("nomand", none),
        plain("rmand", none),
        plain("rnomand", none),
        plain("silent", none),
        plain("loud", none),

        propagate("shared", MS_SHARED),
        propagate("slave", MS_SLAVE),
        propagate("private", MS_PRIVATE),
        propagate("unbindable", MS_UNBINDABLE),
        propagate("rshared", MS_SHARED | MS_REC),
        propagate("rslave", MS_SLAVE | MS_REC),
        propagate("rprivate", MS_PRIVATE | MS_REC),
        propagate("runbindable", MS_UNBINDABLE | MS_REC),

        plain("bind", bind),
        plain("rbind", recursive_bind),
        plain("tmpcopyup", copy_up),
        plain("idmap", id_map),
        plain("ridmap", recursive_id_map),

        plain("remount", change),
        plain("copy-symlink", copy_link),
        plain("src-nofollow", source_link),
        plain("dest-nofollow", target_link),
    };
}();
static_assert(names_are_unique(kMountOptions));

/// "idmap=uids=0-1000-10;gids=0-1000-10" carries its maps in the word itself.
inline constexpr std::string_view kIdMapPrefix = "idmap=";
inline constexpr std::string_view kRecursiveIdMapPrefix = "ridmap=";

/// Whether the word has a row with this effect.
[[nodiscard]] constexpr bool has_effect(std::string_view word, MountEffect effect) {
    const auto* row = find_row(kMountOptions, word);
    return row != nullptr && row->effect == effect;
}

}  // namespace xctl::oci
