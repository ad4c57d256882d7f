// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/run/run_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <format>

#include "lib/base/log.hpp"
#include "lib/kernel/file.hpp"
#include "lib/kernel/random.hpp"

namespace xctl::run {
namespace {

constexpr const char* kRecordFile = "record.json";
constexpr const char* kRunningFile = "running.json";

Result<> make_run_directory(const std::string& path) {
    const auto base = std::filesystem::path(path).parent_path();
    std::error_code error;
    std::filesystem::create_directories(base, error);
    if (error) return fail_errno(error.value(), "make " + base.string());
    if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) return fail_errno(errno, "make " + path);
    return {};
}

Result<UniqueFd> open_run_directory(const std::string& path) {
    return kernel::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

std::string make_life() { return std::format("{:016x}", kernel::random_bits()); }

Result<RunDirectory> RunDirectory::open(const std::string& base, const ContainerId& id) {
    TRY(make_run_directory(base + "/" + id.str()));
    return open_existing(base, id);
}

Result<RunDirectory> RunDirectory::open_existing(const std::string& base, const ContainerId& id) {
    auto path = base + "/" + id.str();
    auto fd = TRY(open_run_directory(path), "open " + path);
    return RunDirectory(std::move(path), std::move(fd));
}

Result<bool> RunDirectory::restore() const {
    struct stat status {};
    if (::fstat(fd_.get(), &status) < 0) return fail_errno(errno, "stat " + path_);
    if (status.st_nlink > 0) return false;
    TRY(make_run_directory(path_));
    const auto fresh = TRY(open_run_directory(path_), "open " + path_);
    if (::dup3(fresh.get(), fd_.get(), O_CLOEXEC) < 0) return fail_errno(errno, "open " + path_);
    return true;
}

Result<> RunDirectory::remove(const std::string& base, const ContainerId& id) {
    const auto path = base + "/" + id.str();
    if (::unlink((path + "/" + kRecordFile).c_str()) < 0 && errno != ENOENT && errno != ENOTDIR)
        return fail_errno(errno, "remove " + path + "/" + kRecordFile);
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return fail_errno(error.value(), "remove " + path);
    return {};
}

std::vector<ContainerId> RunDirectory::list(const std::string& base) {
    std::vector<ContainerId> ids;
    for (const auto& name : kernel::list_directory(AT_FDCWD, base).value_or(std::vector<std::string>()))
        if (auto id = ContainerId::parse(name)) ids.push_back(std::move(*id));
    return ids;
}

model::Record RunDirectory::load() const {
    model::Record fresh;
    fresh.life = make_life();
    const auto text = kernel::read_document_at(fd_.get(), kRecordFile);
    if (!text && text.error().sys_errno == ENOENT) return fresh;
    auto record = text ? model::parse_record(*text) : std::unexpected(text.error());
    if (record) return std::move(*record);
    log_error(std::format("cannot read {}/{}, which is left alone until the next change: {}",
                          kernel::read_fd_path(fd_.get()).value_or("?"), kRecordFile, record.error().message));
    return fresh;
}

Result<> RunDirectory::save(const model::Record& record) const {
    return kernel::replace_file_at(fd_.get(), kRecordFile, to_json(record), 0600);
}

std::string RunDirectory::load_running() const {
    return kernel::read_document_at(fd_.get(), kRunningFile).value_or(std::string());
}

Result<> RunDirectory::save_running(std::string_view document) const {
    return kernel::replace_file_at(fd_.get(), kRunningFile, document, 0600);
}

}  // namespace xctl::run
