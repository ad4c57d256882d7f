// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/copy_up.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <climits>
#include <cstdint>
#include <cstring>

#include "lib/kernel/root_path.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr int kMaxDepth = 64;
constexpr std::size_t kChunk = 1U << 30;

int copy_directory(int from, int to, int depth);

int copy_content(int from, int to) {
    int count = 0;
    do count = raw::call<SYS_sendfile>(to, from, nullptr, kChunk);
    while (count > 0);
    return count;
}

int copy_file(int from, int to, const char* name) {
    const raw::Fd source(raw::open_beneath(from, name, O_RDONLY | O_NOFOLLOW));
    if (source.failed()) return source.get();
    const raw::Fd target(
        raw::call<SYS_openat>(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return target.failed() ? target.get() : copy_content(source.get(), target.get());
}

int copy_link(int from, int to, const char* name) {
    char target[PATH_MAX];
    const int size = raw::call<SYS_readlinkat>(from, name, target, sizeof target - 1);
    if (size < 0) return size;
    target[size] = '\0';
    return raw::call<SYS_symlinkat>(target, to, name);
}

int copy_subdirectory(int from, int to, const char* name, int depth) {
    const raw::Fd source(raw::open_beneath(from, name, O_RDONLY | O_DIRECTORY));
    if (source.failed()) return source.get();
    if (const int result = raw::call<SYS_mkdirat>(to, name, 0700); result < 0) return result;
    const raw::Fd target(raw::open_beneath(to, name, O_RDONLY | O_DIRECTORY));
    return target.failed() ? target.get() : copy_directory(source.get(), target.get(), depth + 1);
}

int copy_node(int from, int to, const char* name, const struct stat& info, int depth) {
    switch (info.st_mode & S_IFMT) {
        case S_IFDIR: return copy_subdirectory(from, to, name, depth);
        case S_IFREG: return copy_file(from, to, name);
        case S_IFLNK: return copy_link(from, to, name);
        default: return raw::call<SYS_mknodat>(to, name, info.st_mode, info.st_rdev);
    }
}

/// The owner first: changing it clears the set-id bits of the mode.
int copy_ownership(int to, const char* name, const struct stat& info) {
    const int result = raw::call<SYS_fchownat>(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
    if (result < 0 || S_ISLNK(info.st_mode)) return result;
    return raw::call<SYS_fchmodat>(to, name, info.st_mode & ALLPERMS);
}

int copy_entry(int from, int to, const char* name, int depth) {
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) return 0;
    struct stat info{};
    if (const int result = raw::call<SYS_newfstatat>(from, name, &info, AT_SYMLINK_NOFOLLOW); result < 0)
        return result;
    // A mount point: what is mounted there is not what the tmpfs covers.
    const int result = copy_node(from, to, name, info, depth);
    if (raw::errno_of(result) == EXDEV) return 0;
    return result < 0 ? result : copy_ownership(to, name, info);
}

int copy_directory(int from, int to, int depth) {
    if (depth > kMaxDepth) return raw::failure(ELOOP);
    alignas(dirent64) char buffer[4096];
    while (true) {
        const int size = raw::call<SYS_getdents64>(from, buffer, sizeof buffer);
        if (size <= 0) return size;
        for (int at = 0; at < size;) {
            const auto* const entry = reinterpret_cast<const dirent64*>(buffer + at);
            if (const int result = copy_entry(from, to, entry->d_name, depth); result < 0) return result;
            at += entry->d_reclen;
        }
    }
}

}  // namespace

int copy_up(int from, int to) {
    const raw::Fd source(raw::open_beneath(from, ".", O_RDONLY | O_DIRECTORY));
    return source.failed() ? source.get() : copy_directory(source.get(), to, 0);
}

}  // namespace xctl::launch
