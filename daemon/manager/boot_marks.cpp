// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/manager/boot_marks.hpp"

#include <filesystem>

#include "lib/kernel/file.hpp"

namespace xctl::manager {
namespace {

constexpr std::string_view kWanted = "run\n", kUnwanted = "stay\n";

}  // namespace

Result<> BootMarks::set(const ContainerId& id, bool wanted) const {
    if (get(id) == wanted) return {};
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    const auto directory = TRY(kernel::open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY), directory_);
    return kernel::replace_file_at(directory.get(), id.str(), wanted ? kWanted : kUnwanted, 0600, kernel::Durable::yes);
}

std::optional<bool> BootMarks::get(const ContainerId& id) const {
    const auto text = kernel::read_document_at(AT_FDCWD, directory_ + "/" + id.str());
    return text ? std::optional(*text == kWanted) : std::nullopt;
}

Result<> BootMarks::forget(const ContainerId& id) const {
    const auto path = directory_ + "/" + id.str();
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return fail_errno(error.value(), "remove " + path);
    return {};
}

}  // namespace xctl::manager
