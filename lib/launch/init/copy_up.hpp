// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills a new tmpfs with what it is about to cover.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>

namespace xctl::launch {

/// How many directories may lie within each other. Each takes two descriptors while it is copied.
inline constexpr std::size_t kMaxCopyDepth = 256;

/// A directory that is being copied. Nothing is set before copy_up() uses it.
struct CopyLevel {
    int from, to;
    uid_t uid;  // what `to` gets in the end
    gid_t gid;
    mode_t mode;
    std::size_t at, size;                // in `entries`, bytes
    alignas(8) std::byte entries[4096];  // as getdents64(2) fills them
};

/// Memory for copy_up(), to be made before clone. Its pages come when they are used.
std::unique_ptr<CopyLevel[]> make_copy_levels();

/// Copies what is below `from` to `to`, both directories: names, types, modes, owners, contents. Stays in the mount of
/// `from`, and opens nothing but directories and regular files, whoever changes them meanwhile. `proc` is a procfs in
/// which we are "self"; there are kMaxCopyDepth levels. Returns 0 or a failure of lib/kernel/raw.hpp; without a system
/// call it is ENAMETOOLONG: the directories are nested deeper. Allocates nothing.
int copy_up(int proc, std::span<CopyLevel> levels, int from, int to);

}  // namespace xctl::launch
