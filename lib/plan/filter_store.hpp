// SPDX-License-Identifier: LGPL-2.1-or-later
// Where compiled seccomp filters outlive the process: compiling an engine's profile takes longer than a launch.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace xctl::plan {

class FilterStore {
public:
    virtual ~FilterStore() = default;
    /// `profile` is everything that the filter was made from; a store must compare all of it.
    virtual std::optional<std::vector<std::uint64_t>> find(std::string_view profile) = 0;
    virtual void keep(std::string_view profile, const std::vector<std::uint64_t>& filter) = 0;
};

/// From now on, for this process; nullptr for none. `store` must outlive its use.
void use_filter_store(FilterStore* store);

}  // namespace xctl::plan
