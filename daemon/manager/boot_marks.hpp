// SPDX-License-Identifier: LGPL-2.1-or-later
// What people last asked of containers with the policy unless-stopped; unlike all else that we know, this outlives a
// boot, in /var/lib/xctl/wanted.
#pragma once

#include <optional>
#include <string>

#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"

namespace xctl::manager {

class BootMarks {
public:
    explicit BootMarks(std::string directory) : directory_(std::move(directory)) {}

    /// It is on the disk when this returns.
    Result<> set(const ContainerId& id, bool wanted) const;
    /// Nothing: nobody asked for anything.
    [[nodiscard]] std::optional<bool> get(const ContainerId& id) const;
    Result<> forget(const ContainerId& id) const;

private:
    std::string directory_;
};

}  // namespace xctl::manager
