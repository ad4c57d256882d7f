// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled seccomp filters as files, each named by a hash of its profile, with the whole profile inside. Only whom
// the directory belongs to, or root, can have written them.
#pragma once

#include <string>

#include "lib/base/unique_fd.hpp"
#include "lib/plan/filter_store.hpp"

namespace xctl::runtime {

class FilterFiles : public plan::FilterStore {
public:
    /// Without such a directory, or with one that others may write, nothing is found and nothing kept.
    explicit FilterFiles(const std::string& directory);

    std::optional<std::vector<std::uint64_t>> find(std::string_view profile) override;
    void keep(std::string_view profile, const std::vector<std::uint64_t>& filter) override;

private:
    UniqueFd directory_;
};

/// /run/xctl/filters, or below $XDG_RUNTIME_DIR for a user; empty when there is no such place.
[[nodiscard]] std::string filter_directory();

}  // namespace xctl::runtime
