// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/record.hpp"

#include <sys/stat.h>

#include <filesystem>

#include "lib/kernel/file.hpp"

namespace xctl {
namespace {

constexpr const char* kRecordFile = "record.json";
constexpr const char* kRunningFile = "running.json";

}  // namespace

Result<RunDirectory> RunDirectory::open(const std::string& base, const ContainerId& id) {
    const auto path = base + "/" + id.str();
    std::error_code error;
    std::filesystem::create_directories(base, error);
    if (error) return fail_errno(error.value(), "make " + base);
    if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) return fail_errno(errno, "make " + path);
    return RunDirectory(TRY(kernel::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), "open " + path));
}

void RunDirectory::remove(const std::string& base, const ContainerId& id) {
    std::error_code ignored;
    std::filesystem::remove_all(base + "/" + id.str(), ignored);
}

Record RunDirectory::load() const {
    const auto text = kernel::read_file_at(fd_.get(), kRecordFile);
    if (!text) return {};
    return parse_record(*text).value_or(Record{});
}

Result<> RunDirectory::save(const Record& record) const {
    return kernel::replace_file_at(fd_.get(), kRecordFile, to_json(record), 0600);
}

std::string RunDirectory::load_running() const {
    return kernel::read_file_at(fd_.get(), kRunningFile).value_or(std::string());
}

Result<> RunDirectory::save_running(std::string_view document) const {
    return kernel::replace_file_at(fd_.get(), kRunningFile, document, 0600);
}

}  // namespace xctl
