// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/filter_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <format>

#include "lib/base/fd.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/xrun/privileges.hpp"

namespace xctl::runtime {
namespace {

constexpr std::string_view kHeader = "xctl seccomp filter 1\n";
constexpr mode_t kMode = 0600, kFilterDirectoryMode = 0700;
constexpr std::size_t kMostFiles = 64;  // an engine has one profile, and a few more for some images

/// FNV-1a. Two profiles with one hash take turns in one file.
std::string name_of(std::string_view profile) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char c : profile) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return std::format("{:016x}", hash);
}

/// Ours alone.
bool is_private(int directory) {
    struct stat info{};
    return ::fstat(directory, &info) == 0 && info.st_uid == ::geteuid() && (info.st_mode & 0022) == 0;
}

std::string head_of(std::string_view profile) {
    return std::string(kHeader) + std::to_string(profile.size()) + "\n" + std::string(profile);
}

}  // namespace

FilterFiles::FilterFiles(const std::string& directory) {
    if (directory.empty()) return;
    const auto parent = directory.substr(0, directory.rfind('/'));
    ::mkdir(parent.c_str(), 0755);
    ::mkdir(directory.c_str(), kFilterDirectoryMode);
    auto opened = kernel::open_at(kCurrentDirectory, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (opened && is_private(opened->get())) directory_ = std::move(*opened);
}

std::optional<std::vector<std::uint64_t>> FilterFiles::find(std::string_view profile) {
    if (!directory_) return std::nullopt;
    const auto text = kernel::read_document_at(directory_, name_of(profile));
    const auto head = head_of(profile);
    if (!text || !text->starts_with(head)) return std::nullopt;
    const auto bytes = text->size() - head.size();
    if (bytes == 0 || bytes % sizeof(std::uint64_t) != 0) return std::nullopt;
    std::vector<std::uint64_t> filter(bytes / sizeof(std::uint64_t));
    std::memcpy(filter.data(), text->data() + head.size(), bytes);
    return filter;
}

void FilterFiles::keep(std::string_view profile, const std::vector<std::uint64_t>& filter) {
    if (!directory_) return;
    const auto files = kernel::list_directory(directory_, ".");
    if (!files || files->size() >= kMostFiles) return;
    auto content = head_of(profile);
    content.append(reinterpret_cast<const char*>(filter.data()), filter.size() * sizeof(std::uint64_t));
    // What cannot be kept is compiled again.
    static_cast<void>(kernel::replace_file_at(directory_, name_of(profile), content, kMode));
}

std::string filter_directory() {
    if (is_host_root()) return "/run/xctl/filters";
    const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
    return runtime != nullptr && *runtime == '/' ? std::string(runtime) + "/xctl/filters" : std::string();
}

}  // namespace xctl::runtime
