// SPDX-License-Identifier: LGPL-2.1-or-later
// In which order containers are started, by `after` and `requires` of their definitions. Pure.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "lib/base/container_id.hpp"
#include "lib/base/result.hpp"

namespace xctl::manager {

/// What the definition of a container says about others.
struct Ordering {
    std::vector<ContainerId> required, after;
};

/// Nothing for a container that is not there.
using OrderingLookup = std::function<std::optional<Ordering>(const ContainerId& id)>;

/// The wanted containers and all that they require, each after what it requires and after those that it wants to come
/// after, as far as these are started, too. Errc::not_found for a required one that is not there;
/// Errc::invalid_document for a circle, which the message names.
Result<std::vector<ContainerId>> start_order(const std::vector<ContainerId>& wanted, const OrderingLookup& lookup);

/// Whether a start of it alone, and one of it together with all that it comes after, as at boot, can be ordered. Errors
/// as above, but nothing that is wrong with others alone.
Result<> check_order(const ContainerId& id, const OrderingLookup& lookup);

}  // namespace xctl::manager
