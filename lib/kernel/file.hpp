// SPDX-License-Identifier: LGPL-2.1-or-later
// Files relative to a directory descriptor: openat2(2), rename(2). All descriptors are close-on-exec.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::kernel {

/// openat(2); `dir` may be kCurrentDirectory.
Result<UniqueFd> open_at(DirFd dir, const std::string& path, int flags, mode_t mode = 0);

/// Resolves as if `root` were "/": absolute paths, "..", and symbolic links cannot leave it. No magic links.
Result<UniqueFd> open_in_root(DirFd root, const std::string& path, int flags, mode_t mode = 0);

/// Refuses to leave `dir`, to follow any symbolic link and to cross into another mount: for procfs and cgroupfs.
Result<UniqueFd> open_beneath(DirFd dir, const std::string& path, int flags);

/// The directory `path` inside `root`, made with its missing parents; existing symbolic links are followed inside
/// `root` only.
Result<UniqueFd> make_directories_in_root(DirFd root, const std::string& path, mode_t mode = 0755);

inline constexpr std::size_t kMaxFileSize = 16U << 20;

/// The whole file; errno is EFBIG when it holds more than `limit` bytes.
Result<std::string> read_file_at(DirFd dir, const std::string& path, std::size_t limit = kMaxFileSize);
Result<std::string> read_fd(int fd, std::size_t limit = kMaxFileSize);

/// At most the first `limit` bytes of the file.
Result<std::string> read_beginning_at(DirFd dir, const std::string& path, std::size_t limit);

/// A document: the whole of a regular file. Everything else is refused with Errc::invalid_document and the path. To open
/// a FIFO could wait for ever, and a device may act when it is opened, so that neither is opened.
Result<std::string> read_document_at(DirFd dir, const std::string& path, std::size_t limit = kMaxFileSize);

enum class Entries : unsigned char { all, directories };

/// The names in the directory `path`, in no order, without "." and "..".
Result<std::vector<std::string>> list_directory(DirFd dir, const std::string& path, Entries entries = Entries::all);

/// Where the file of a descriptor is now, as our own root has it.
Result<std::string> read_fd_path(int fd);

/// Tells what is at a path from what was there before, without reading it; empty if there is nothing.
std::string stamp_of(const std::string& path);

/// An existing file, with a single write(2), as the files of procfs and cgroupfs want it.
Result<> write_file_at(DirFd dir, const std::string& path, std::string_view text);

/// All bytes, however many calls that takes.
Result<> write_all(int fd, std::string_view bytes);

enum class Durable : unsigned char { no, yes };

/// Readers see the old content or the new one, never a part: a temporary file beside `path`, then rename.
/// Durable::yes also flushes the file and its directory, so that the new content survives a power failure.
Result<> replace_file_at(DirFd dir, const std::string& path, std::string_view content, mode_t mode = 0644,
                         Durable durable = Durable::no);

}  // namespace xctl::kernel
