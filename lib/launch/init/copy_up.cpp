// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/launch/init/copy_up.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <climits>
#include <cstring>

#include "lib/kernel/root_path.hpp"

namespace xctl::launch {
namespace {

namespace raw = kernel::raw;

constexpr std::size_t kChunk = 1U << 30;

int copy_content(int from, int to) {
    int count = 0;
    do count = raw::call<SYS_sendfile>(to, from, nullptr, kChunk);
    while (count > 0);
    return count;
}

int copy_link(int node, int to, const char* name) {
    char target[PATH_MAX];
    const int size = raw::call<SYS_readlinkat>(node, "", target, sizeof target - 1);
    if (size < 0) return size;
    target[size] = '\0';
    return raw::call<SYS_symlinkat>(target, to, name);
}

/// The owner first: changing it clears the set-id bits of the mode.
int copy_ownership(int to, const char* name, const struct stat& info) {
    const int result = raw::call<SYS_fchownat>(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
    if (result < 0 || S_ISLNK(info.st_mode)) return result;
    return raw::call<SYS_fchmodat>(to, name, info.st_mode & ALLPERMS);
}

/// The directories on the way from the top to the one that is being copied: a list instead of a recursion, since the
/// image decides how many there are.
class TreeCopy {
public:
    TreeCopy(int proc, std::span<CopyLevel> levels) : proc_(proc), levels_(levels) {}
    TreeCopy(const TreeCopy&) = delete;
    TreeCopy& operator=(const TreeCopy&) = delete;
    ~TreeCopy() {
        while (depth_ > 0) close_last();
    }

    /// Takes the descriptors over, unless it fails.
    int enter(raw::Fd& from, raw::Fd& to, const struct stat& info) {
        if (depth_ == levels_.size()) return raw::failure(ENAMETOOLONG);
        auto& level = levels_[depth_++];
        level.from = from.release();
        level.to = to.release();
        level.uid = info.st_uid;
        level.gid = info.st_gid;
        level.mode = info.st_mode & ALLPERMS;
        level.at = level.size = 0;
        return 0;
    }

    int run() {
        while (depth_ > 0) {
            const char* name = nullptr;
            int result = next_name(&name);
            if (result > 0) result = copy_entry(name);
            else if (result == 0) result = leave();
            if (result < 0) return result;
        }
        return 0;
    }

private:
    CopyLevel& last() { return levels_[depth_ - 1]; }

    void close_last() {
        raw::close(last().from);
        raw::close(last().to);
        --depth_;
    }

    /// 1 with the next entry's name, 0 at the end of the directory.
    int next_name(const char** name) {
        auto& level = last();
        if (level.at == level.size) {
            const int size = raw::call<SYS_getdents64>(level.from, level.entries, sizeof level.entries);
            if (size <= 0) return size;
            level.at = 0;
            level.size = static_cast<std::size_t>(size);
        }
        const auto* const entry = reinterpret_cast<const dirent64*>(level.entries + level.at);
        level.at += entry->d_reclen;
        *name = entry->d_name;
        return 1;
    }

    int leave() {
        const auto& level = last();
        int result = 0;
        // The top is the tmpfs itself, whose owner and mode the plan decides.
        if (depth_ > 1) result = raw::call<SYS_fchown>(level.to, level.uid, level.gid);
        if (depth_ > 1 && result >= 0) result = raw::call<SYS_fchmod>(level.to, level.mode);
        close_last();
        return result;
    }

    int copy_entry(const char* name) {
        if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) return 0;
        const raw::Fd node(raw::open_beneath(last().from, name, O_PATH | O_NOFOLLOW));
        // A mount point: what is mounted there is not what the tmpfs covers.
        if (raw::errno_of(node.get()) == EXDEV) return 0;
        if (node.failed()) return node.get();
        struct stat info{};
        if (const int result = raw::call<SYS_fstat>(node.get(), &info); result < 0) return result;
        if (S_ISDIR(info.st_mode)) return copy_directory(node.get(), name, info);
        const int to = last().to;
        const int result = copy_node(node.get(), to, name, info);
        return result < 0 ? result : copy_ownership(to, name, info);
    }

    int copy_node(int node, int to, const char* name, const struct stat& info) const {
        switch (info.st_mode & S_IFMT) {
            case S_IFREG: return copy_file(node, to, name);
            case S_IFLNK: return copy_link(node, to, name);
            default: return raw::call<SYS_mknodat>(to, name, info.st_mode, info.st_rdev);
        }
    }

    int copy_file(int node, int to, const char* name) const {
        const raw::Fd source(raw::open_regular(proc_, node));
        if (source.failed()) return source.get();
        const raw::Fd target(
            raw::call<SYS_openat>(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        return target.failed() ? target.get() : copy_content(source.get(), target.get());
    }

    /// Its entries come next.
    int copy_directory(int node, const char* name, const struct stat& info) {
        raw::Fd source(raw::open_beneath(node, ".", O_RDONLY | O_DIRECTORY));
        if (source.failed()) return source.get();
        if (const int result = raw::call<SYS_mkdirat>(last().to, name, 0700); result < 0) return result;
        raw::Fd target(raw::open_beneath(last().to, name, O_RDONLY | O_DIRECTORY));
        if (target.failed()) return target.get();
        return enter(source, target, info);
    }

    int proc_;
    std::span<CopyLevel> levels_;
    std::size_t depth_ = 0;
};

}  // namespace

std::unique_ptr<CopyLevel[]> make_copy_levels() { return std::make_unique_for_overwrite<CopyLevel[]>(kMaxCopyDepth); }

int copy_up(int proc, std::span<CopyLevel> levels, int from, int to) {
    raw::Fd source(raw::open_beneath(from, ".", O_RDONLY | O_DIRECTORY));
    if (source.failed()) return source.get();
    raw::Fd target(raw::open_beneath(to, ".", O_RDONLY | O_DIRECTORY));
    if (target.failed()) return target.get();
    TreeCopy copy(proc, levels);
    if (const int result = copy.enter(source, target, {}); result < 0) return result;
    return copy.run();
}

}  // namespace xctl::launch
