// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runtime/xrun/state/store.hpp"

#include <fcntl.h>
#include <regex.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "lib/base/text.hpp"
#include "lib/base/utf8.hpp"
#include "lib/kernel/file.hpp"
#include "runtime/xrun/privileges.hpp"

namespace xctl::runtime {
namespace {

constexpr const char* kStateFile = "state.json";
constexpr const char* kConfigFile = "config.json";
constexpr const char* kLockFile = "lock";
constexpr const char* kStartSocket = "start";
constexpr mode_t kDirectoryMode = 0711;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kMaxIdLength = 1024, kMaxIdShown = 128;

bool is_id_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
           c == '-' || c == '.';
}

std::unexpected<Error> no_such_container() { return fail(Errc::not_found, "container does not exist"); }

Result<> make_parents(const std::string& path) {
    for (std::size_t at = 1; at != std::string::npos;) {
        at = path.find('/', at + 1);
        const auto part = path.substr(0, at);
        if (::mkdir(part.c_str(), at == std::string::npos ? 0700 : 0755) < 0 && errno != EEXIST)
            return fail_errno(errno, "mkdir " + part);
    }
    return {};
}

struct flock whole_file() {
    struct flock range{};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    return range;
}

Result<UniqueFd> open_lock(DirFd directory) {
    return kernel::open_at(directory, kLockFile, O_RDWR | O_CREAT | O_NOFOLLOW, kFileMode);
}

}  // namespace

Result<> check_id(std::string_view id) {
    const bool valid = !id.empty() && id.size() <= kMaxIdLength && id != "." && id != ".." &&
                       std::ranges::all_of(id, is_id_character);
    if (valid) return {};
    const auto odd = std::ranges::find_if_not(id, is_id_character);
    std::string why = odd == id.end() ? "" : std::string("invalid character `") + *odd + "` in the ID ";
    if (id.size() > kMaxIdLength) why = "longer than " + std::to_string(kMaxIdLength) + " bytes: ";
    return fail(Errc::invalid_argument, "invalid container ID format: " + why + shortened(id, kMaxIdShown));
}

std::string root_directory(const Arguments& arguments) {
    if (!arguments.root.empty()) return arguments.root;
    const char* const runtime = ::getenv("XDG_RUNTIME_DIR");
    const bool privileged = !is_rootless(arguments);
    return !privileged && runtime != nullptr && *runtime != '\0' ? std::string(runtime) + "/xrun" : "/run/xrun";
}

Result<Store> Store::create(const Arguments& arguments) {
    const auto& id = arguments.id();
    TRY(check_id(id));
    const auto root = root_directory(arguments);
    TRY(make_parents(root));
    auto parent = TRY(kernel::open_at(kCurrentDirectory, root, O_RDONLY | O_DIRECTORY));
    if (::mkdirat(parent.get(), id.c_str(), kDirectoryMode) < 0) {
        if (errno == EEXIST) return fail(Errc::exists, "container with given ID already exists");
        return fail_errno(errno, "mkdir " + root + "/" + id);
    }
    auto directory = TRY(kernel::open_at(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    Store store(std::move(parent), id, std::move(directory), UniqueFd());
    TRY(store.lock());
    return store;
}

Result<Store> Store::open(const Arguments& arguments, const std::string& id) {
    TRY(check_id(id));
    auto parent = kernel::open_at(kCurrentDirectory, root_directory(arguments), O_RDONLY | O_DIRECTORY);
    if (!parent && parent.error().sys_errno == ENOENT) return no_such_container();
    if (!parent) return std::unexpected(std::move(parent).error());
    auto directory = kernel::open_at(*parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory && directory.error().sys_errno == ENOENT) return no_such_container();
    if (!directory) return std::unexpected(std::move(directory).error());
    return Store(std::move(*parent), id, std::move(*directory), UniqueFd());
}

Result<> Store::lock() {
    auto file = open_lock(directory_);
    if (!file && file.error().sys_errno == ENOENT) return no_such_container();
    if (!file) return std::unexpected(std::move(file).error());
    auto range = whole_file();
    int result = 0;
    do result = ::fcntl(file->get(), F_SETLKW, &range);
    while (result < 0 && errno == EINTR);
    if (result < 0) return fail_errno(errno, "lock of the container");
    struct stat info{};
    // Whoever had it may have removed the container.
    if (::fstat(directory_.get(), &info) < 0 || info.st_nlink == 0) return no_such_container();
    lock_ = std::move(*file);
    return {};
}

bool Store::is_locked() const {
    // Closing any descriptor of the file would give our own lock up.
    if (lock_) return false;
    const auto file = kernel::open_at(directory_, kLockFile, O_RDWR | O_NOFOLLOW);
    auto range = whole_file();
    return file && ::fcntl(file->get(), F_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

Result<Record> Store::load() const {
    const auto text = kernel::read_document_at(directory_, kStateFile);
    if (!text && text.error().sys_errno == ENOENT) return no_such_container();
    if (!text) return std::unexpected(text.error());
    return parse_record(*text);
}

Result<> Store::save(const Record& record) const {
    return kernel::replace_file_at(directory_, kStateFile, to_json(record), kFileMode);
}

Result<std::string> Store::load_config() const { return kernel::read_document_at(directory_, kConfigFile); }

Result<> Store::save_config(std::string_view text) const {
    return kernel::replace_file_at(directory_, kConfigFile, text, kFileMode);
}

std::string Store::inner_path(std::string_view name) const {
    return "/proc/self/fd/" + std::to_string(directory_.get()) + "/" + std::string(name);
}

std::string Store::start_socket() const { return inner_path(kStartSocket); }

Result<std::string> Store::path() const { return kernel::read_fd_path(directory_.get()); }

void Store::forget_start_socket() const { ::unlinkat(directory_.get(), kStartSocket, 0); }

/// The only directory is that of the socket for sd_notify(3).
void Store::remove_file(const std::string& name) const {
    if (name == "." || name == ".." || name == kStateFile) return;
    if (::unlinkat(directory_.get(), name.c_str(), 0) == 0 || errno != EISDIR) return;
    ::unlinkat(directory_.get(), (name + "/notify.sock").c_str(), 0);
    ::unlinkat(directory_.get(), name.c_str(), AT_REMOVEDIR);
}

Result<> Store::remove() const {
    // The state goes last, so that an interrupted removal can be repeated.
    for (const auto& name : TRY(kernel::list_directory(directory_, "."))) remove_file(name);
    ::unlinkat(directory_.get(), kStateFile, 0);
    if (::unlinkat(parent_.get(), name_.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
        return fail_errno(errno, "rmdir of the state directory");
    return {};
}

Result<std::vector<std::string>> list_names(const Arguments& arguments) {
    auto opened = kernel::open_at(kCurrentDirectory, root_directory(arguments), O_RDONLY | O_DIRECTORY);
    if (!opened && opened.error().sys_errno == ENOENT) return std::vector<std::string>();
    const auto root = TRY(std::move(opened));
    auto names = TRY(kernel::list_directory(root, ".", kernel::Entries::directories));
    std::erase_if(names, [&](const std::string& name) {
        return !check_id(name) || ::faccessat(root.get(), (name + "/" + kStateFile).c_str(), F_OK, 0) < 0;
    });
    std::ranges::sort(names);
    return names;
}

Result<std::vector<std::string>> match_names(const Arguments& arguments, const std::string& pattern) {
    regex_t expression;
    if (::regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
        return fail(Errc::invalid_argument, "invalid regular expression " + xctl::quoted(pattern));
    auto names = list_names(arguments);
    if (names)
        std::erase_if(*names, [&](const std::string& name) {
            return ::regexec(&expression, name.c_str(), 0, nullptr, 0) != 0;
        });
    ::regfree(&expression);
    return names;
}

}  // namespace xctl::runtime
