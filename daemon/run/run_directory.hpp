// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a container's record is kept: /run/xctl/state/NAME, gone with the boot.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/model/record.hpp"
#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"
#include "lib/base/unique_fd.hpp"

namespace xctl::run {

/// A new id of a life: that of a container, from its creation until it is deleted, or of an exec.
[[nodiscard]] std::string make_life();

/// The directory /run/xctl/state/NAME: record, console ring, exit file.
class RunDirectory {
public:
    /// Makes the directory where there is none.
    static Result<RunDirectory> open(const std::string& base, const ContainerId& id);
    /// Errno is ENOENT when there is no directory.
    static Result<RunDirectory> open_existing(const std::string& base, const ContainerId& id);
    /// Removes the directory with all it holds, the record first: a removal that is cut short leaves a directory that
    /// says nothing of any run. Nothing happens when there is no directory.
    static Result<> remove(const std::string& base, const ContainerId& id);
    /// Whose directories there are. A directory that has no container's name is left out.
    [[nodiscard]] static std::vector<ContainerId> list(const std::string& base);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// Makes the directory again if somebody has removed it: true if so. It is empty then; fd() stays the same number.
    Result<bool> restore() const;
    /// The saved record; one of a new life when there is none, or when it cannot be read, which is logged.
    [[nodiscard]] model::Record load() const;
    Result<> save(const model::Record& record) const;
    /// The document that the current or last run was started with, see whole_document(); empty when there was none.
    [[nodiscard]] std::string load_running() const;
    Result<> save_running(std::string_view document) const;

private:
    RunDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
    std::string path_;
    UniqueFd fd_;
};

}  // namespace xctl::run
