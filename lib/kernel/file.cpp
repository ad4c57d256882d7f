// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/kernel/file.hpp"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <format>

#include "lib/kernel/raw.hpp"
#include "lib/kernel/root_path.hpp"

namespace xctl::kernel {
namespace {

constexpr std::size_t kReadStep = 16384;

/// Where a replacement is written: the parent directory, and both names in it.
struct Replacement {
    UniqueFd directory;
    std::string name;
    std::string temporary;
};

Result<Replacement> prepare_replacement(DirFd dir, const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    return Replacement{TRY(open_at(dir, parent, O_RDONLY | O_DIRECTORY)), name, "." + name + ".new"};
}

Result<> write_temporary(const Replacement& at, std::string_view content, mode_t mode, Durable durable) {
    const int dir = at.directory.get();
    // One that a crash left behind.
    ::unlinkat(dir, at.temporary.c_str(), 0);
    const auto file = TRY(open_at(at.directory, at.temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    // The mode counts exactly, whatever the umask is.
    if (::fchmod(file.get(), mode) < 0) return fail_errno(errno, "fchmod " + at.temporary);
    TRY(write_all(file.get(), content), at.temporary);
    if (durable == Durable::yes && ::fsync(file.get()) < 0) return fail_errno(errno, "fsync " + at.temporary);
    return {};
}

Result<> publish(const Replacement& at, Durable durable) {
    const int dir = at.directory.get();
    if (::renameat(dir, at.temporary.c_str(), dir, at.name.c_str()) < 0)
        return fail_errno(errno, "rename to " + at.name);
    if (durable == Durable::yes && ::fsync(dir) < 0) return fail_errno(errno, "fsync of the directory of " + at.name);
    return {};
}

Result<> check_document(const struct stat& status, const std::string& path) {
    if (S_ISREG(status.st_mode)) return {};
    const char* const rule = S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file";
    return fail(Errc::invalid_document, std::format("{}: {}", path, rule));
}

}  // namespace

Result<UniqueFd> open_at(DirFd dir, const std::string& path, int flags, mode_t mode) {
    return lift_fd(raw::call<SYS_openat>(dir.get(), path.c_str(), flags | O_CLOEXEC, mode), "open " + path);
}

Result<UniqueFd> open_in_root(DirFd root, const std::string& path, int flags, mode_t mode) {
    return lift_fd(raw::open_in_root(root.get(), path.c_str(), flags, mode), "open " + path + " inside the root");
}

Result<UniqueFd> open_beneath(DirFd dir, const std::string& path, int flags) {
    return lift_fd(raw::open_beneath(dir.get(), path.c_str(), flags), "open " + path);
}

Result<UniqueFd> make_directories_in_root(DirFd root, const std::string& path, mode_t mode) {
    return lift_fd(raw::make_in_root(root.get(), path.c_str(), raw::NodeType::directory, mode),
                   "create the directory " + path + " inside the root");
}

Result<std::string> read_fd(int fd, std::size_t limit) {
    std::string text;
    while (true) {
        const auto old = text.size();
        text.resize(old + kReadStep);
        const auto count = ::read(fd, text.data() + old, kReadStep);
        if (count < 0 && errno != EINTR) return fail_errno(errno, "read");
        text.resize(old + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (text.size() > limit) return fail_errno(EFBIG, "read");
        if (count == 0) return text;
    }
}

Result<std::string> read_file_at(DirFd dir, const std::string& path, std::size_t limit) {
    const auto file = TRY(open_at(dir, path, O_RDONLY));
    return TRY(read_fd(file.get(), limit), path);
}

Result<std::string> read_beginning_at(DirFd dir, const std::string& path, std::size_t limit) {
    const auto file = TRY(open_at(dir, path, O_RDONLY));
    std::string text(limit, '\0');
    std::size_t size = 0;
    while (size < limit) {
        const auto count = ::read(file.get(), text.data() + size, limit - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno(errno, "read " + path);
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    text.resize(size);
    return text;
}

Result<std::string> read_document_at(DirFd dir, const std::string& path, std::size_t limit) {
    struct stat status {};
    if (::fstatat(dir.get(), path.c_str(), &status, 0) == 0) TRY(check_document(status, path));
    // What is there may be something else by now.
    const auto file = TRY(open_at(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    if (::fstat(file.get(), &status) < 0) return fail_errno(errno, "fstat " + path);
    TRY(check_document(status, path));
    return TRY(read_fd(file.get(), limit), path);
}

Result<std::vector<std::string>> list_directory(DirFd dir, const std::string& path, Entries entries) {
    auto fd = TRY(open_at(dir, path, O_RDONLY | O_DIRECTORY));
    DIR* const stream = ::fdopendir(fd.get());
    if (stream == nullptr) return fail_errno(errno, "read the directory " + path);
    static_cast<void>(fd.release());
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream)) {
        const std::string_view name = entry->d_name;
        if (entries == Entries::directories && entry->d_type != DT_DIR) continue;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(stream);
    return names;
}

Result<std::string> read_fd_path(int fd) {
    const auto link = "/proc/self/fd/" + std::to_string(fd);
    std::error_code error;
    auto path = std::filesystem::read_symlink(link, error);
    if (error) return fail_errno(error.value(), "read " + link);
    return path.native();
}

std::string stamp_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0) return {};
    return std::format("{}:{} {}.{} {}", status.st_dev, status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                       status.st_size);
}

Result<> write_file_at(DirFd dir, const std::string& path, std::string_view text) {
    const auto file = TRY(open_at(dir, path, O_WRONLY));
    const auto count = ::write(file.get(), text.data(), text.size());
    if (count < 0) return fail_errno(errno, "write " + path);
    if (static_cast<std::size_t>(count) != text.size()) return fail_errno(EMSGSIZE, "write " + path);
    return {};
}

Result<> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) return fail_errno(errno, "write");
        if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Result<> replace_file_at(DirFd dir, const std::string& path, std::string_view content, mode_t mode,
                         Durable durable) {
    const auto at = TRY(prepare_replacement(dir, path));
    auto result = write_temporary(at, content, mode, durable);
    if (result) result = publish(at, durable);
    if (!result) ::unlinkat(at.directory.get(), at.temporary.c_str(), 0);
    return result;
}

}  // namespace xctl::kernel
