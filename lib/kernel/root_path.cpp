// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/root_path.hpp"

#include <linux/openat2.h>
#include <sys/stat.h>

#include <climits>
#include <cstdint>
#include <cstring>

namespace xctl::kernel::raw {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit
constexpr mode_t kParentMode = 0755;

/// A path that is rewritten while dangling links in it are followed.
class PathBuffer {
public:
    [[nodiscard]] bool assign(const char* path) { return copy(text_, path, std::strlen(path)); }
    [[nodiscard]] char* text() { return text_; }

    /// Replaces the part from `part` to `part_end` with the link's target, and keeps what follows it.
    [[nodiscard]] bool replace_part(char* part, const char* part_end, const char* target) {
        char* const start = *target == '/' ? text_ : part;
        const auto target_size = std::strlen(target), rest_size = std::strlen(part_end);
        const auto used = static_cast<std::size_t>(start - text_);
        if (used + target_size + rest_size >= PATH_MAX) return false;
        std::memmove(start + target_size, part_end, rest_size + 1);
        std::memcpy(start, target, target_size);
        return true;
    }

private:
    static bool copy(char (&to)[PATH_MAX], const char* from, std::size_t size) {
        if (size >= PATH_MAX) return false;
        std::memcpy(to, from, size + 1);
        return true;
    }
    char text_[PATH_MAX];
};

/// The path of a descriptor in a procfs.
class DescriptorLink {
public:
    explicit DescriptorLink(int fd) {
        constexpr std::string_view kPrefix = "self/fd/";
        do *--begin_ = static_cast<char>('0' + fd % 10);
        while ((fd /= 10) > 0);
        begin_ -= kPrefix.size();
        std::memcpy(begin_, kPrefix.data(), kPrefix.size());
    }
    DescriptorLink(const DescriptorLink&) = delete;  // `begin_` points into us
    DescriptorLink& operator=(const DescriptorLink&) = delete;
    [[nodiscard]] const char* text() const { return begin_; }

private:
    char buffer_[24] = {};
    char* begin_ = buffer_ + sizeof buffer_ - 1;
};

int resolve(int dir, const char* path, int flags, mode_t mode, std::uint64_t how_to) {
    const open_how how{.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC), .mode = mode, .resolve = how_to};
    int result = 0;
    // EAGAIN: something was renamed while the kernel walked "..", and it could not tell whether that left the root.
    for (int attempt = 0; attempt < kMaxLinks; ++attempt) {
        result = call<SYS_openat2>(dir, path, &how, sizeof how);
        if (errno_of(result) != EAGAIN) break;
    }
    return result;
}

char* skip_slashes(char* at) {
    while (*at == '/') ++at;
    return at;
}

char* end_of_part(char* at) {
    while (*at != '\0' && *at != '/') ++at;
    return at;
}

/// Opens the first `length` bytes of the path: the parents that exist so far.
int open_prefix(int root, char* path, char* end) {
    if (end == path) return resolve(root, "/", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
    const char saved = *end;
    *end = '\0';
    const int fd = resolve(root, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    *end = saved;
    return fd;
}

int make_node(int parent, const char* name, NodeType type, mode_t mode) {
    if (type == NodeType::directory) return call<SYS_mkdirat>(parent, name, mode);
    const int fd = call<SYS_openat>(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    close(fd);
    return fd < 0 ? fd : 0;
}

/// What one look at a part of the path led to.
enum class Walk : unsigned char { next, restart, failed };

/// Makes sure that the part [part, end) below `parent` exists. A dangling link there rewrites the path instead.
Walk make_part(PathBuffer& path, int parent, char* part, char* end, NodeType type, mode_t mode, int* error) {
    const char saved = *end;
    *end = '\0';
    char target[PATH_MAX];
    const int length = call<SYS_readlinkat>(parent, part, target, sizeof target - 1);
    *error = length < 0 ? make_node(parent, part, type, mode) : 0;
    *end = saved;
    if (length >= 0) {
        target[length] = '\0';
        if (path.replace_part(part, end, target)) return Walk::restart;
        *error = failure(ENAMETOOLONG);
        return Walk::failed;
    }
    return *error < 0 && errno_of(*error) != EEXIST ? Walk::failed : Walk::next;
}

/// One pass from the left; stops early when a dangling link changed the path.
Walk make_missing(int root, PathBuffer& path, NodeType type, mode_t mode, int* error) {
    for (char* part = skip_slashes(path.text()); *part != '\0';) {
        char* const end = end_of_part(part);
        const bool last = *skip_slashes(end) == '\0';
        char* const prefix_end = part == path.text() ? part : part - 1;
        const char saved = *end;
        *end = '\0';
        Fd found(resolve(root, path.text(), O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
        *end = saved;
        *error = found.failed() ? found.get() : 0;
        if (found.failed() && errno_of(found.get()) != ENOENT) return Walk::failed;
        if (found.failed()) {
            Fd parent(open_prefix(root, path.text(), prefix_end));
            *error = parent.failed() ? parent.get() : 0;
            if (parent.failed()) return Walk::failed;
            const Walk walk = make_part(path, parent.get(), part, end, last ? type : NodeType::directory,
                                        last ? mode : kParentMode, error);
            if (walk != Walk::next) return walk;
        }
        part = skip_slashes(end);
    }
    return Walk::next;
}

}  // namespace

int open_in_root(int root, const char* path, int flags, mode_t mode) {
    return resolve(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int open_in_root_without_links(int root, const char* path, int flags) {
    return resolve(root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int open_beneath(int dir, const char* path, int flags) {
    return resolve(dir, path, flags, 0,
                   RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

int open_regular(int proc, int node) {
    struct stat info{};
    if (const int result = call<SYS_fstat>(node, &info); result < 0) return result;
    if (!S_ISREG(info.st_mode)) return failure(EINVAL);
    return call<SYS_openat>(proc, DescriptorLink(node).text(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int make_in_root(int root, const char* path, NodeType type, mode_t mode) {
    // Usually it is there.
    const int existing = open_in_root(root, path, O_PATH);
    if (errno_of(existing) != ENOENT) return existing;
    PathBuffer buffer;
    if (!buffer.assign(path)) return failure(ENAMETOOLONG);
    for (int links = 0; links < kMaxLinks; ++links) {
        int error = 0;
        switch (make_missing(root, buffer, type, mode, &error)) {
            case Walk::next: return open_in_root(root, buffer.text(), O_PATH);
            case Walk::restart: break;
            case Walk::failed: return error;
        }
    }
    return failure(ELOOP);
}

Parent make_parent_in_root(int root, const char* path) {
    const char* const slash = std::strrchr(path, '/');
    const char* const name = slash == nullptr ? path : slash + 1;
    if (slash == nullptr || slash == path) return {open_in_root(root, "/", O_PATH | O_DIRECTORY), name};
    char parent[PATH_MAX];
    const auto size = static_cast<std::size_t>(slash - path);
    if (size >= sizeof parent) return {failure(ENAMETOOLONG), name};
    std::memcpy(parent, path, size);
    parent[size] = '\0';
    return {make_in_root(root, parent, NodeType::directory, kParentMode), name};
}

int make_in_root_without_following(int root, const char* path, NodeType type, mode_t mode) {
    const Parent parent = make_parent_in_root(root, path);
    const Fd directory(parent.fd);
    if (directory.failed()) return directory.get();
    // A single name, so that nothing but the link itself could lead elsewhere.
    const int existing = call<SYS_openat>(directory.get(), parent.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (errno_of(existing) != ENOENT) return existing;
    if (const int made = make_node(directory.get(), parent.name, type, mode); made < 0) return made;
    return call<SYS_openat>(directory.get(), parent.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

}  // namespace xctl::kernel::raw
