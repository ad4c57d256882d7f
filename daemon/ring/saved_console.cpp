// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon/ring/saved_console.hpp"

#include <fcntl.h>

#include <filesystem>

#include "lib/base/log.hpp"
#include "lib/kernel/file.hpp"

namespace xctl::ring {
namespace {

constexpr const char* kFile = "console";

}  // namespace

Result<> SavedConsole::save(const Ring& ring) const {
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (error) return fail_errno(error.value(), "make " + path_);
    // What a container prints is nobody else's to read.
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all, error);
    if (error) return fail_errno(error.value(), "protect " + path_);
    const auto directory = TRY(kernel::open_at(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), "open " + path_);
    return ring.copy_to(directory.get(), kFile, ring.capacity(), true);
}

void SavedConsole::restore(int directory, const char* name) const {
    if (const auto present = Ring::open_existing_at(directory, name);
        present || present.error().code != Errc::not_found)
        return;
    const auto saved_in = kernel::open_at(AT_FDCWD, path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!saved_in) return;
    const auto saved = Ring::open_existing_at(saved_in->get(), kFile);
    if (!saved) return;
    // The copy is changed before it gets its name, so that it is complete however this ends.
    constexpr const char* kDraft = "console.restored";
    auto copied = saved->copy_to(directory, kDraft, saved->capacity(), false);
    auto ring = copied ? Ring::open_existing_at(directory, kDraft) : std::unexpected(copied.error());
    if (!ring) return log_warning("a saved console cannot be taken up: " + ring.error().message);
    if (ring->run_is_open()) ring->add_mark({ring->end(), Ring::kUnknownStatus, Ring::MarkKind::run_end, 0, 1, 0});
    (void)::renameat(directory, kDraft, directory, name);
}

Result<> SavedConsole::remove() const {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    if (error) return fail_errno(error.value(), "remove " + path_);
    return {};
}

}  // namespace xctl::ring
